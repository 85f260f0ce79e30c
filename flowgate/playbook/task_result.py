"""The result of a task, or of one item of its loop, and the facts that `register` stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from flowgate.domain import Facts, Value
from flowgate.errors import FlowGateError
from flowgate.playbook.check_mode import Predicted


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a task, or of one item of its loop.

    Attributes:
        status: "unchanged", "changed", "skipped", "failed" or "ignored".
        message: One short sentence for people.
        facts: What the step returned.
        error: The error of a failed task.
        attempts: Number of attempts; 0 when the task has no retries.
        label: Name of the item of a loop, for people.
        diff: (path, old text, new text) of each file that the task changed, or would change.
        predicted: Whether the facts are predictions, because check mode did not act.
        unpredicted: Why check mode cannot predict the work; empty when it can.
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


def failed_result(error: BaseException) -> TaskResult:
    """Convert an error to the result of a task."""
    if isinstance(error, FlowGateError):
        return TaskResult("failed", error.what, dict(error.facts), error)
    return TaskResult("failed", f"{type(error).__name__}: {error}", {}, error)


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error; 70 for a bug."""
    return error.code if isinstance(error, FlowGateError) else 70


def registered_facts(result: TaskResult, seconds: float) -> dict[str, Value]:
    """Collect the facts that `register` stores.

    Args:
        result: The result of a task.
        seconds: Its duration.

    Returns:
        The facts of the step, and `changed`, `failed`, `skipped`, `message`, `seconds`; also `code` and `msg` of a task
        that failed, and `attempts` of one with retries. In check mode, missing keys are unknown.
    """
    own: dict[str, Value] = {
        "changed": result.status == "changed" or (result.error is not None and result.facts.get("changed") is True),
        "failed": result.error is not None,
        "skipped": result.status == "skipped",
        "message": result.message,
        "seconds": seconds,
    }
    if result.error is not None:
        own["code"] = exit_code(result.error)
        own["msg"] = result.facts.get("msg", result.message)
    if result.attempts:
        own["attempts"] = result.attempts
    facts = {**result.facts, **own}
    return Predicted(facts) if result.predicted or result.unpredicted else facts


def loop_result(items: list[TaskResult], registered: Sequence[Facts]) -> TaskResult:
    """Summarize a loop: it failed if any item failed, else it changed something if any item did.

    Args:
        items: Results of the items.
        registered: What `register` stores for each item.

    Returns:
        The result of the task, with `results` in its facts.
    """
    return replace(
        _summary(items, {"results": registered}),
        diff=tuple(file for item in items for file in item.diff),
        unpredicted=next((item.unpredicted for item in items if item.unpredicted), ""),
    )


def _summary(items: list[TaskResult], facts: dict[str, Value]) -> TaskResult:
    statuses = [item.status for item in items]
    if "failed" in statuses:
        first = next(item for item in items if item.status == "failed")
        changed = any(item.status == "changed" or item.facts.get("changed") is True for item in items)
        return TaskResult("failed", f"{first.label}: {first.message}", facts | {"changed": changed}, first.error)
    if not items:
        return TaskResult("skipped", "the loop has no items", facts)
    if all(status == "skipped" for status in statuses):
        return TaskResult("skipped", "the condition holds for no item", facts)
    count = statuses.count("changed")
    if count:
        return TaskResult("changed", f"{count} of {len(items)} items changed", facts)
    return TaskResult("unchanged", f"{len(items)} items", facts)


def retries_exhausted(attempts: int, until: Iterable[str | bool]) -> str:
    """Describe an `until` condition that did not hold after all attempts."""
    return f"gave up after {attempts} attempts: {' and '.join(map(str, until))} does not hold"
