"""What ended a list of tasks, what a rescue is told of it, and how a task is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowgate.domain import Outcome, Task
from flowgate.errors import FlowGateError, UsageError
from flowgate.playbook.expressions import render
from flowgate.playbook.scope import Scope
from flowgate.playbook.task_result import Ending, code_of, registered

LABEL = 60  # characters of a name made from a task without one


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a list of tasks: the error, and what `failed` says of it inside a rescue."""

    error: BaseException
    facts: Mapping[str, Any]


def with_its_cause(message: Failure, cause: Failure) -> Failure:
    """Let a rescue's own `fail` carry the code, the log and the way out of what it was to rescue.

    A playbook exits with the code of the error that ended it; `fail` only words it.
    """
    if (
        message.facts.get("step") != "fail"
        or not isinstance(message.error, FlowGateError)
        or not isinstance(cause.error, FlowGateError)
    ):
        return message
    return replace(message, error=message.error.with_cause(cause.error))


def label(task: Task, scope: Scope) -> str:
    """Name a task: as written and rendered, else by its step and parameters."""
    if task.name:
        try:
            return str(render(task.name, scope)) if "{" in task.name else task.name
        except UsageError:
            return task.name  # `item` has no value yet, for example
    made = " ".join([task.step, *(f"{name}={value}" for name, value in task.params.items())])
    return made if len(made) <= LABEL else f"{made[: LABEL - 1]}…"


def unsaid(block: Task, error: FlowGateError) -> dict[str, Any]:
    """Give what `failed` says of a block that failed where none of its tasks did."""
    name = block.name or "block"
    return {"task": name, "step": "", "error": error.what, "code": error.code, "place": block.place, "result": {}}


def told(outcome: Outcome, error: BaseException) -> dict[str, Any]:
    """Give what `failed` says of a task inside a rescue."""
    return {
        "task": outcome.task,
        "step": outcome.step,
        "error": outcome.message,
        "code": code_of(error),
        "place": outcome.place,
        "result": registered(Ending("failed", outcome.message, outcome.facts, error), outcome.seconds),
    }
