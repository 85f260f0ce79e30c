"""What a run leaves behind: the recap, the reports asked for, and the exact command that goes on after a failure."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from flowgate.cli import console
from flowgate.cli.session import ENVIRONMENT, locate_config
from flowgate.errors import UsageError
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.cli.run_playbook import RunResult
    from flowgate.playbook.report import ReportDocument

FLAGS = {
    "check": "--check",
    "diff": "--diff",
    "tags": "--tags",
    "skip_tags": "--skip-tags",
    "stepwise": "--step",
}


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What somebody typed after `inv play`.

    Attributes:
        name: The playbook.
        extra: Each `-e`.
        typed: Fields of the order.
        reports: Kind → file, empty for none.
    """

    name: str
    extra: tuple[str, ...]
    typed: Mapping[str, Any]
    reports: Mapping[str, str]


def refuse_unwritable(reports: Mapping[str, str]) -> None:
    """Refuse a report that could not be written, before anything runs.

    Raises:
        UsageError: See the message.
    """
    for kind, path in reports.items():
        if path and Path(path).expanduser().is_dir():
            raise UsageError(f"--report-{kind} names a folder, {path}", fix="name a file in it")
        if path and not Path(path).expanduser().absolute().parent.is_dir():
            folder = Path(path).expanduser().absolute().parent
            fix = f"mkdir -p {shlex.quote(str(folder))}"
            raise UsageError(f"the folder of --report-{kind} is not there: {folder}", fix=fix)


def write_reports(result: RunResult, request: ReportRequest) -> None:
    """Print the recap and, after a failure, the command that resumes; write the reports.

    Raises:
        DiskError: See the message.
    """
    from flowgate.playbook.report import recap_line

    report = replace(result.report, resume=resume(result.resume_at, request) if result.report.error else "")
    console.note(f"recap: {recap_line(report)}")
    if report.resume:
        console.note(f"to resume: {report.resume}")
    if not any(request.reports.values()):
        return
    from flowgate.cli.diff import mask_secrets
    from flowgate.playbook.report import report_document

    found = report_document(report, mask_secrets)
    for kind, path in request.reports.items():
        if path:
            files.write_atomic(Path(path).expanduser().absolute(), _text(kind, found), mode=0o644)


def _text(kind: str, document: ReportDocument) -> str:
    if kind == "json":
        return json.dumps(document, indent=2, allow_nan=False) + "\n"
    if kind == "junit":
        from flowgate.playbook.junit_report import junit

        return junit(document)
    from flowgate.playbook.html_report import page

    return page(document)


def resume(at: str | None, request: ReportRequest) -> str:
    """Give the command that goes on where a run failed, by the same front door and with the same words.

    Args:
        at: The task to start at; None to run the whole playbook again.
    """
    words = [*_front(), "play", request.name]
    for one in request.extra:
        words += ["-e", one]
    for name, flag in FLAGS.items():
        value = request.typed.get(name)
        words += [flag] if value is True else [flag, str(value)] if value else []
    for kind, path in request.reports.items():
        words += [f"--report-{kind}", path] if path else []
    words += ["--start-at-task", at] if at else []
    named = locate_config()
    setting = f"{ENVIRONMENT}={shlex.quote(str(named.value))} " if named.by == "environment" else ""
    return setting + shlex.join(words)


def _front() -> list[str]:
    if PurePath(sys.argv[0]).name != "flowgate":
        return ["inv"]
    named = locate_config()
    return ["flowgate", "--config", str(named.value)] if named.by == "typed" else ["flowgate"]
