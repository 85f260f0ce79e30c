"""The failure that ended a list of tasks, and the variable `failed` that a `rescue` sees."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypedDict

from flowgate.domain import Facts, Outcome, Task, Value
from flowgate.errors import FlowGateError, Unreachable, UsageError
from flowgate.playbook.expression_parser import has_template
from flowgate.playbook.expressions import render
from flowgate.playbook.operands import SECRET
from flowgate.playbook.scope import Scope
from flowgate.playbook.task_result import TaskResult, exit_code, registered_facts
from flowgate.system.deadline import deadline

NAME_LENGTH = 60  # characters of a generated name
PRIVATE = ("body", "env", "headers", "stdin")  # parameters that often hold secrets
NAME_SECONDS = 2.0  # to render a name
EXPRESSION = re.compile(r"{{(.*?)}}", re.DOTALL)


class FailedTask(TypedDict):
    """The variable `failed` inside a `rescue`; `result` is what `register` would have stored."""

    task: str
    step: str
    error: str
    code: int
    place: str
    result: Facts


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure that ended a list of tasks.

    Attributes:
        error: The error.
        task: The variable `failed` for a `rescue`; None after Ctrl-C, when no rescue runs.
    """

    error: BaseException
    task: FailedTask | None = None


def task_failure(outcome: Outcome, error: BaseException) -> Failure:
    """Describe the failure of a task."""
    result = TaskResult("failed", outcome.message, outcome.facts, error)
    return Failure(
        error,
        {
            "task": outcome.task,
            "step": outcome.step,
            "error": outcome.message,
            "code": exit_code(error),
            "place": outcome.place,
            "result": registered_facts(result, outcome.seconds),
        },
    )


def block_failure(block: Task, error: FlowGateError, scope: Scope) -> Failure:
    """Describe a failure of a block itself, when none of its tasks failed."""
    name, code = render_name(block.name, scope) or "block", error.code
    return Failure(
        error, {"task": name, "step": "", "error": error.what, "code": code, "place": block.place, "result": {}}
    )


def keep_cause(failure: Failure, cause: Failure) -> Failure:
    """Keep the exit code, log and fix of the original failure when a `rescue` ends with the step `fail`.

    Args:
        failure: The failure of the rescue.
        cause: The failure of the block.

    Returns:
        The failure with the message of `fail` and the rest of `cause`; `failure` itself for any other step.
    """
    if failure.task is None or failure.task["step"] != "fail":
        return failure
    if not isinstance(failure.error, FlowGateError) or not isinstance(cause.error, FlowGateError):
        return failure
    return replace(failure, error=failure.error.with_cause(cause.error))


def render_name(written: str, scope: Scope) -> str:
    """Render the name of a task, block or play.

    Args:
        written: The name as written.
        scope: Variables.

    Returns:
        The name; an expression whose variables have no value yet, such as `item`, is shown as `<item>`.
    """
    if not has_template(written):
        return written
    try:
        with deadline(NAME_SECONDS):
            return str(render(written, scope))
    except UsageError:
        return EXPRESSION.sub(lambda found: _render_or_name(found, scope), written)
    except Unreachable:
        return EXPRESSION.sub(lambda found: f"<{found[1].strip()}>", written)


def _shown(param: str, value: Value, scope: Scope) -> str:
    """Write a parameter for a generated name; an expression that may hold a secret is not rendered."""
    written = f"{param}={value}"
    if param in PRIVATE or SECRET.search(written):
        return EXPRESSION.sub(lambda found: f"<{found[1].strip()}>", written)
    return " ".join(render_name(written, scope).split())


def _render_or_name(found: re.Match[str], scope: Scope) -> str:
    try:
        with deadline(NAME_SECONDS):
            return str(render(found[0], scope))
    except (UsageError, Unreachable):
        return f"<{found[1].strip()}>"


def task_name(task: Task, scope: Scope) -> str:
    """Return the rendered name of a task; for a task without a name, its step and parameters."""
    if task.name:
        return render_name(task.name, scope)
    name = " ".join([task.step, *(_shown(param, value, scope) for param, value in task.params.items())])
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
