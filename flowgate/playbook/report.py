"""The report of a run: Ansible's counters, and the JSON document of `--report-json`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from flowgate.domain import Facts, Outcome, Report
from flowgate.errors import FlowGateError

VERSION = 1  # of the JSON document; increased when a key is removed or changes its meaning
# Status of a task -> the counters that it increases.
COUNTED = {
    "unchanged": ("ok",),
    "changed": ("ok", "changed"),
    "skipped": ("skipped",),
    "failed": ("failed",),
    "rescued": ("rescued",),
    "ignored": ("ok", "ignored"),
}
MARKS = {"unchanged": "=", "changed": "~", "skipped": "-", "failed": "!", "rescued": "!", "ignored": "!"}
COUNTERS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML and in HTML

Mask = Callable[[str], str]


class ErrorDocument(TypedDict):
    """An error in the JSON document; `report_schema.ERROR` explains the keys."""

    kind: str
    bug: bool
    what: str
    fix: str
    place: str
    log: list[str]


class TaskDocument(TypedDict):
    """A finished task in the JSON document; `report_schema.TASK` explains the keys."""

    play: str
    task: str
    step: str
    status: str
    message: str
    began: float
    seconds: float
    place: str
    facts: Facts
    unpredicted: str
    error: ErrorDocument | None


class ReportDocument(TypedDict):
    """The JSON document; `report_schema.TOP` explains the keys."""

    version: int
    playbook: str
    started: str
    check: bool
    code: int
    seconds: float
    recap: dict[str, int]
    error: ErrorDocument | None
    resume: str
    tasks: list[TaskDocument]


def recap(report: Report) -> dict[str, int]:
    """Count how tasks ended, as Ansible counts.

    Source: ansible-core, `plugins/strategy/__init__.py`: an ignored failure increases `ok` and `ignored`, and `changed`
    when the task changed something before it failed.

    Args:
        report: The finished run.

    Returns:
        A number for each of `COUNTERS`. `unreachable` is 0 because there is one host, this machine.
    """
    counts = dict.fromkeys(COUNTERS, 0)
    for outcome in report.outcomes:
        for counter in COUNTED[outcome.status]:
            counts[counter] += 1
        counts["changed"] += outcome.status == "ignored" and outcome.facts.get("changed") is True
    return counts


def recap_line(report: Report) -> str:
    """Write the counters in one line, with Ansible's names and order."""
    return " ".join(f"{name}={count}" for name, count in recap(report).items())


def report_document(report: Report, mask: Mask = str) -> ReportDocument:
    """Convert a report to data that `json.dumps` accepts.

    Args:
        report: The finished run.
        mask: Function that removes secrets from a text.

    Returns:
        The document of `--report-json`.
    """
    return {
        "version": VERSION,
        "playbook": report.playbook,
        "started": report.started,
        "check": report.check,
        "code": report.code,
        "seconds": round(report.seconds, 3),
        "recap": recap(report),
        "error": _error(report.error, mask),
        "resume": mask(report.resume),
        "tasks": [_task(outcome, mask) for outcome in report.outcomes],
    }


def _task(outcome: Outcome, mask: Mask) -> TaskDocument:
    return {
        "play": mask(outcome.play),
        "task": mask(outcome.task),
        "step": outcome.step,
        "status": outcome.status,
        "message": mask(outcome.message),
        "began": round(outcome.began, 3),
        "seconds": round(outcome.seconds, 3),
        "place": outcome.place,
        "facts": {mask(str(key)): plain(value, mask) for key, value in outcome.facts.items()},
        "unpredicted": mask(outcome.unpredicted),
        "error": _error(outcome.error, mask),
    }


def _error(error: BaseException | None, mask: Mask) -> ErrorDocument | None:
    if error is None:
        return None
    known = error if isinstance(error, FlowGateError) else FlowGateError(str(error))
    return {
        "kind": type(error).__name__,
        "bug": not isinstance(error, FlowGateError),
        "what": mask(known.what),
        "fix": mask(known.fix),
        "place": known.place,
        "log": [mask(line) for line in known.log],
    }


def plain(value: Any, mask: Mask = str) -> Any:
    """Convert a value to what JSON can hold.

    Args:
        value: Any value that a step registered.
        mask: Function that removes secrets from a text.

    Returns:
        The value, with everything that JSON does not know written as text. A `Secret` is never revealed.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if isinstance(value, Mapping):
        return {mask(str(key)): plain(entry, mask) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, mask) for entry in value]
    if isinstance(value, (set, frozenset)):
        return [plain(entry, mask) for entry in sorted(value, key=str)]
    return mask(str(value))


def printable(text: str) -> str:
    """Replace the characters that XML and HTML forbid."""
    return FORBIDDEN.sub("\ufffd", text)
