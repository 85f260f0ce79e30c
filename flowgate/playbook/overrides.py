"""Let `changed_when` and `failed_when` override the result of a step."""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import Facts, Task
from flowgate.errors import CheckFailed, FlowGateError
from flowgate.playbook.expressions import is_true
from flowgate.playbook.locate import below
from flowgate.playbook.scope import Scope
from flowgate.playbook.task_result import TaskResult, failed_result, registered_facts

LOG_LINES = 15  # of a command's output, shown with its failure


def with_result(task: Task, scope: Scope, result: TaskResult, seconds: float) -> Scope:
    """Return the scope in which the conditions of a task see what it registers."""
    return scope.with_local(**{task.register: registered_facts(result, seconds)}) if task.register else scope


def override_changed(task: Task, scope: Scope, result: TaskResult, seconds: float) -> TaskResult:
    """Let `changed_when` decide whether the step changed something.

    Args:
        task: The task.
        scope: Its variables.
        result: The result of the step.
        seconds: The duration of the step.

    Returns:
        The result with the status that the conditions decide.

    Raises:
        UsageError: A condition cannot be evaluated.
    """
    if not task.changed_when:
        return result
    inner = with_result(task, scope, result, seconds)
    changed = is_true(task.changed_when, inner, below(task.at, "changed_when"))
    result = replace(result, facts={**result.facts, "changed": changed})
    if result.status in ("unchanged", "changed"):
        result = replace(result, status="changed" if changed else "unchanged")
    return result


def override_failed(task: Task, scope: Scope, result: TaskResult, seconds: float) -> TaskResult:
    """Let `failed_when` decide whether the step failed; see `override_changed`."""
    if not task.failed_when:
        return result
    changed = result.status == "changed" or result.facts.get("changed") is True
    inner = with_result(task, scope, result, seconds)
    if is_true(task.failed_when, inner, below(task.at, "failed_when")):
        what = f"failed_when holds: {' and '.join(map(str, task.failed_when))}"
        log = result.error.log if isinstance(result.error, FlowGateError) else _last_lines(result.facts)
        return failed_result(CheckFailed(what, log=log, facts={**result.facts, "changed": changed}))
    if result.error is not None:
        return replace(result, status="changed" if changed else "unchanged", error=None)
    return result


def _last_lines(facts: Facts) -> list[str]:
    """Return the end of a command's output."""
    outputs = [facts.get(name) for name in ("stdout_lines", "stderr_lines")]
    return [str(line) for lines in outputs if isinstance(lines, list) for line in lines][-LOG_LINES:]
