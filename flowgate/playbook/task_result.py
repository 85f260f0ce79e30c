"""How a task, or one item of its loop, ended, and what `register` keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from flowgate.domain import Facts
from flowgate.errors import FlowGateError
from flowgate.playbook.check_mode import Predicted


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task, or one item of its loop, ended.

    Attributes:
        attempts: How often the step was tried; 0 where nothing asked for tries.
        label: What names the item of a loop for people.
        diff: (path, old text, new text) of the files it changed, or would change.
        predicted: Its facts are those foretold: a check did not do it.
        unpredicted: Why a check cannot tell what a run would do; empty when it can.
    """

    status: str
    message: str
    facts: Facts = field(default_factory=dict)
    error: BaseException | None = None
    attempts: int = 0
    label: str = ""
    diff: tuple[tuple[str, str, str], ...] = ()
    predicted: bool = False
    unpredicted: str = ""


def failed(error: BaseException) -> Ending:
    """Give the ending that an error makes."""
    if isinstance(error, FlowGateError):
        return Ending("failed", error.what, dict(error.facts), error)
    return Ending("failed", f"{type(error).__name__}: {error}", {}, error)


def code_of(error: BaseException) -> int:
    """Give the exit code of an error: a refusal's own, 70 for a bug."""
    return error.code if isinstance(error, FlowGateError) else 70


def registered(ending: Ending, seconds: float) -> Facts:
    """Give what `register` keeps of an ending."""
    touched = ending.error is not None and ending.facts.get("changed") is True
    kept: Facts = {
        **ending.facts,
        "changed": ending.status == "changed" or touched,
        "failed": ending.error is not None,
        "skipped": ending.status == "skipped",
        "message": ending.message,
        "seconds": seconds,
    }
    if ending.error is not None:
        kept["code"] = code_of(ending.error)
        kept.setdefault("msg", ending.message)
    if ending.attempts:
        kept["attempts"] = ending.attempts
    return Predicted(kept) if ending.predicted or ending.unpredicted else kept


def together(endings: list[Ending], results: list[Facts]) -> Ending:
    """Sum up a loop: failed where any item failed, changed where any changed."""
    whole = _summed(endings, {"results": results})
    return replace(
        whole,
        diff=tuple(one for ending in endings for one in ending.diff),
        unpredicted=next((ending.unpredicted for ending in endings if ending.unpredicted), ""),
    )


def _summed(endings: list[Ending], facts: Facts) -> Ending:
    statuses = [ending.status for ending in endings]
    if "failed" in statuses:
        first = next(ending for ending in endings if ending.status == "failed")
        touched = any(one.status == "changed" or one.facts.get("changed") is True for one in endings)
        return Ending("failed", f"{first.label}: {first.message}", facts | {"changed": touched}, first.error)
    if not endings:
        return Ending("skipped", "the loop has no items", facts)
    changed = statuses.count("changed")
    message = f"{changed} of {len(endings)} items changed" if changed else f"{len(endings)} items"
    if all(status == "skipped" for status in statuses):
        return Ending("skipped", "its condition holds for no item", facts)
    return Ending("changed" if changed else "unchanged", message, facts)


def gave_up(most: int, until: Iterable[str | bool]) -> str:
    """Say that a condition never came to hold."""
    return f"gave up after {most} tries: {' and '.join(map(str, until))} does not hold"
