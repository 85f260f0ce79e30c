"""The values of a task: its parameters, the items of its loop, its conditions and its time limit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flowgate.domain import Task
from flowgate.errors import InvalidValue, UsageError
from flowgate.playbook.catalog import StepInfo
from flowgate.playbook.coerce import CONDITIONS, EVALUATED, EvaluatedCondition, EvaluatedExpression
from flowgate.playbook.expressions import evaluate, is_true, render
from flowgate.playbook.locate import Locate, below, fixed_location
from flowgate.playbook.operands import explain
from flowgate.playbook.retries import read_number
from flowgate.playbook.scope import Scope
from flowgate.system.deadline import deadline

When = tuple[tuple[str | bool, str], ...]  # conditions with their locations


def rendered(task: Task, info: StepInfo, scope: Scope) -> dict[str, Any]:
    """Evaluate the expressions in the parameters of a task."""
    values: dict[str, Any] = {}
    for name, value in task.params.items():
        at = below(task.at, f"{task.step}.{name}")
        param = info.params.get(name)
        if param is not None and param.kind == CONDITIONS:
            values[name] = _conditions(value if isinstance(value, list) else [value], scope, at)
        elif param is not None and param.kind in EVALUATED and value is not None:
            values[name] = EvaluatedExpression(str(value), evaluate(str(value), scope, at))
        else:
            values[name] = render(value, scope, at)
    return values


def _conditions(listed: list[Any], scope: Scope, at: Locate) -> tuple[EvaluatedCondition, ...]:
    """Evaluate conditions up to the first that does not hold: the others may rest on it."""
    found: list[EvaluatedCondition] = []
    for index, text in enumerate(listed):
        holds = is_true(text, scope, below(at, str(index)))
        values = "" if holds or not isinstance(text, str) else explain(text, scope)
        found.append(EvaluatedCondition(str(text), holds, values))
        if not holds:
            break
    return tuple(found)


def loop_items(value: Any, task: Task) -> list[Any]:
    """Return the items of a loop from its value."""
    if isinstance(value, Mapping):
        return [{"key": key, "value": entry} for key, entry in value.items()]
    if isinstance(value, (list, tuple)):
        return list(value)
    raise InvalidValue("loop", found=value, wanted="a list or a mapping", at=task.at("loop"))


def holds(when: When, scope: Scope) -> bool:
    """Return whether all conditions hold."""
    return all(is_true(text, scope, fixed_location(place)) for text, place in when)


def time_limit(task: Task, scope: Scope, *, required: bool = False) -> AbstractContextManager[None]:
    """Limit the time of what follows to the `timeout` of a task; without one, there is no limit.

    Args:
        task: The task.
        scope: Its variables.
        required: Raise an error for a `timeout` that cannot be read; before the condition of the task is known, such a
            `timeout` is ignored.
    """
    try:
        seconds = read_number(task, "timeout", float, task.timeout, scope)
    except UsageError:
        if required:
            raise
        seconds = None
    return deadline(seconds) if seconds else nullcontext()
