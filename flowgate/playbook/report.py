"""What a run came to: counters for people, a tree for `--report-json`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flowgate.domain import Outcome, Report
from flowgate.errors import FlowGateError

VERSION = 1  # of the tree; grows when a key changes its meaning or leaves
# How a task ended → the counters it adds to.
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
NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what neither XML nor a page may hold

Mask = Callable[[str], str]


def recap(report: Report) -> dict[str, int]:
    """Count how tasks ended, as Ansible counts.

    Source: ansible-core, `plugins/strategy/__init__.py`: an ignored failure adds to `ok` and to `ignored`,
        and to `changed` when it changed something before it failed

    Returns:
        Ok (all that went well, changed and ignored ones too), changed, unreachable (always 0: there is one
        host, this one), failed, skipped, rescued, ignored.
    """
    counts = dict.fromkeys(COUNTERS, 0)
    for outcome in report.outcomes:
        for counter in COUNTED[outcome.status]:
            counts[counter] += 1
        counts["changed"] += outcome.status == "ignored" and outcome.facts.get("changed") is True
    return counts


def recap_line(report: Report) -> str:
    """Give the counters in one line, spelled and ordered as Ansible does."""
    return " ".join(f"{name}={count}" for name, count in recap(report).items())


def report_document(report: Report, mask: Mask = str) -> dict[str, Any]:
    """Give a report as plain data that `json.dumps` takes; `report_keys.py` says what each key means.

    Args:
        mask: Takes secrets out of a text.
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


def _task(outcome: Outcome, mask: Mask) -> dict[str, Any]:
    return {
        "play": mask(outcome.play),
        "task": mask(outcome.task),
        "step": outcome.step,
        "status": outcome.status,
        "message": mask(outcome.message),
        "began": round(outcome.began, 3),
        "seconds": round(outcome.seconds, 3),
        "place": outcome.place,
        "facts": plain(outcome.facts, mask),
        "unpredicted": mask(outcome.unpredicted),
        "error": _error(outcome.error, mask),
    }


def _error(error: BaseException | None, mask: Mask) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "kind": type(error).__name__,
        "bug": not isinstance(error, FlowGateError),
        "what": mask(error.what if isinstance(error, FlowGateError) else str(error)),
        "fix": mask(error.fix) if isinstance(error, FlowGateError) else "",
        "place": error.place if isinstance(error, FlowGateError) else "",
        "log": [mask(line) for line in error.log] if isinstance(error, FlowGateError) else [],
    }


def plain(value: Any, mask: Mask = str) -> Any:
    """Turn a value into what JSON can hold; anything foreign becomes its text (a Secret never shows)."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if isinstance(value, Mapping):
        return {str(key): plain(entry, mask) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, mask) for entry in value]
    if isinstance(value, (set, frozenset)):
        return [plain(entry, mask) for entry in sorted(value, key=str)]
    return mask(str(value))


def printable(text: str) -> str:
    """Replace the characters that XML forbids."""
    return NO_TEXT.sub("\ufffd", text)
