"""What a run came to: counters for people, a tree for `--json` and `--report-json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowgate.errors import Refusal
from flowgate.model import Outcome, Report

VERSION = 1  # of the tree; grows when a key changes its meaning or leaves
COUNTERS = {
    "same": "ok",
    "changed": "changed",
    "skipped": "skipped",
    "failed": "failed",
    "rescued": "rescued",
    "ignored": "ignored",
}


def recap(report: Report) -> dict[str, int]:
    """Count how tasks ended.

    Gives: ok (found as wanted), changed, skipped, failed, rescued, ignored; each task counts once
    """
    counts = dict.fromkeys(COUNTERS.values(), 0)
    for outcome in report.outcomes:
        counts[COUNTERS[outcome.status]] += 1
    return counts


def tree(report: Report) -> dict[str, Any]:
    """Give a report as plain data that `json.dumps` takes.

    Gives: version, play, code, seconds, recap, error (null when none), tasks (in the order they ended)
    """
    return {
        "version": VERSION,
        "play": report.play,
        "code": report.code,
        "seconds": round(report.seconds, 3),
        "recap": recap(report),
        "error": _error(report.error),
        "tasks": [_task(outcome) for outcome in report.outcomes],
    }


def _task(outcome: Outcome) -> dict[str, Any]:
    return {
        "task": outcome.task,
        "step": outcome.step,
        "status": outcome.status,
        "said": outcome.said,
        "seconds": round(outcome.seconds, 3),
        "place": outcome.place,
        "facts": plain(outcome.facts),
        "error": _error(outcome.error),
    }


def _error(error: BaseException | None) -> dict[str, Any] | None:
    if error is None:
        return None
    if isinstance(error, Refusal):
        kind, what = type(error).__name__, error.what
        return {"kind": kind, "what": what, "hint": error.hint, "place": error.place, "log": list(error.log)}
    return {"kind": type(error).__name__, "what": str(error), "hint": "", "place": "", "log": []}


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold; anything foreign becomes its text (a Secret never shows)."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (set, frozenset)):
        return [plain(entry) for entry in sorted(value, key=str)]
    return str(value)
