"""What a run leaves behind: the recap, the reports, and the command that resumes after a failure."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.config_place import ENVIRONMENT
from flowgate.cli.requests import ReportRequest, RunResult
from flowgate.domain import Sourced, Variables
from flowgate.errors import UsageError
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.playbook.report import ReportDocument

LONGEST_PATH, LONGEST_NAME = 4000, 255  # bytes
FLAGS = {
    "profile": "--profile",
    "check": "--check",
    "diff": "--diff",
    "tags": "--tags",
    "skip_tags": "--skip-tags",
    "stepwise": "--step",
}


def check_writable(reports: Mapping[str, str]) -> None:
    """Refuse a report that cannot be written, before anything runs.

    Args:
        reports: Kind → file; empty for none.

    Raises:
        UsageError: The path is a folder, or its folder does not exist.
    """
    for kind, path in reports.items():
        if len(path) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in path.encode().split(b"/")):
            raise UsageError(f"the path of --report-{kind} is too long: {path[:40]}…")
        if path and files.is_special(Path(path).expanduser()):
            raise UsageError(f"--report-{kind} names {path}, which is no regular file", fix="name another file")
        if path and Path(path).expanduser().is_dir():
            raise UsageError(f"--report-{kind} names a folder, {path}", fix="name a file in it")
        if path and not Path(path).expanduser().absolute().parent.is_dir():
            folder = Path(path).expanduser().absolute().parent
            fix = f"mkdir -p {shlex.quote(str(folder))}"
            raise UsageError(f"the folder of --report-{kind} does not exist: {folder}", fix=fix)


def write_reports(result: RunResult, request: ReportRequest) -> None:
    """Print the recap and, after a failure, the command that resumes; write the reports.

    Args:
        result: Result of the run.
        request: Reports to write.

    Raises:
        DiskError: A report cannot be written.
    """
    from flowgate.playbook.report import recap_line

    report = replace(result.report, resume=resume(result.resume_at, request) if result.report.error else "")
    console.note(f"recap: {recap_line(report)}")
    if report.resume:
        console.note(f"to resume: {report.resume}")
    if not any(request.files.values()):
        return
    from flowgate.cli.diff import mask_secrets
    from flowgate.playbook.report import report_document

    write_files(report_document(report, lambda text: mask_secrets(console.masked(text))), request.files)


def write_files(document: ReportDocument, paths: Mapping[str, str]) -> None:
    """Write the reports of a run.

    Args:
        document: The report.
        paths: Kind → file; empty for none.

    Raises:
        DiskError: A report cannot be written.
    """
    for kind, path in paths.items():
        if path:
            files.write_atomic(Path(path).expanduser().absolute(), _text(kind, document), mode=0o600)


def _text(kind: str, document: ReportDocument) -> str:
    if kind == "json":
        return json.dumps(document, indent=2, allow_nan=False) + "\n"
    if kind == "junit":
        from flowgate.playbook.junit_report import junit

        return junit(document)
    from flowgate.playbook.html_report import page

    return page(document)


def resume(at: str | None, request: ReportRequest) -> str:
    """Return the command that resumes a failed run.

    Args:
        at: Task to start at; None to run the whole playbook again.
        request: The reports, with the command line of the run.

    Returns:
        A shell command.
    """
    words = [*request.command, *(["--start-at-task", at] if at else [])]
    setting = words.pop(0) + " " if words[0].startswith(f"{ENVIRONMENT}=") else ""
    return setting + shlex.join(words)


def command_words(
    named: Sourced[Path], name: str, extra: Sequence[str], typed: Variables, reports: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the words that repeat `inv play` or `flowgate play`.

    Args:
        named: The config file, and who named it.
        name: The typed playbook.
        extra: Each value of `-e`.
        typed: Typed fields of the request.
        reports: Kind → file; empty for none.

    Returns:
        The words; the first sets the environment variable where that named the config.
    """
    setting = [f"{ENVIRONMENT}={shlex.quote(str(named.value))}"] if named.by == "environment" else []
    words = [*setting, *_program(named), "play", name]
    for one in extra:
        words += ["-e", one]
    for field, flag in FLAGS.items():
        value = typed.get(field)
        words += [flag] if value is True else [flag, str(value)] if value else []
    for kind, path in reports.items():
        words += [f"--report-{kind}", path] if path else []
    return tuple(words)


def _program(named: Sourced[Path]) -> list[str]:
    if PurePath(sys.argv[0]).name != "flowgate":
        return ["inv"]
    return ["flowgate", "--config", str(named.value)] if named.by == "typed" else ["flowgate"]
