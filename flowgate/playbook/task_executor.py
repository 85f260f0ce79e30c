"""Execute one task: its condition, its loop, its retries and its step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flowgate.domain import Change, Facts, Result, Task, Value
from flowgate.errors import CheckFailed, FlowGateError, Interrupted, StepContractError, UsageError
from flowgate.playbook import builtin
from flowgate.playbook.catalog import Catalog, StepInfo, bind
from flowgate.playbook.check_mode import Unpredicted
from flowgate.playbook.expressions import is_true, render
from flowgate.playbook.locate import below
from flowgate.playbook.overrides import override_changed, override_failed, with_result
from flowgate.playbook.retries import read_number, read_parallel, read_retries, retry
from flowgate.playbook.run_context import RunClock, RunContext
from flowgate.playbook.scope import Scope
from flowgate.playbook.task_result import TaskResult, failed_result, loop_result, registered_facts, retries_exhausted
from flowgate.playbook.task_values import When, holds, loop_items, rendered, time_limit
from flowgate.system.memory_limit import restore_memory_limit


@dataclass(frozen=True, slots=True)
class TaskExecutor:
    """Executes tasks.

    Attributes:
        context: Context with which changes are applied.
        read_only: Read-only context with which steps are called.
        catalog: All steps.
        clock: For durations and waits.
        check: Whether this is check mode.
        on_change: Called with the summary of a change before it is applied.
    """

    context: RunContext
    read_only: Any
    catalog: Catalog
    clock: RunClock
    check: bool
    on_change: Callable[[str], None]

    def execute(self, task: Task, scope: Scope, when: When) -> TaskResult:
        """Execute a task, once or for each item of its loop.

        Args:
            task: The task.
            scope: Its variables.
            when: Its conditions and those of the blocks around it.

        Returns:
            The result. A loop continues after a failed item and fails at its end.

        Raises:
            FlowGateError: The step failed. Any other exception of the step is raised too.
        """
        if task.loop is None:
            return self._execute_once(task, scope, when)
        try:
            with time_limit(task, scope):
                items = loop_items(render(task.loop, scope, below(task.at, "loop")), task)
                parallel = read_parallel(task, scope)
                pause = read_number(task, "loop_control.pause", float, task.loop_control.pause, scope)
        except UsageError as error:
            # As in Ansible, the loop may be undefined when the condition does not hold.
            if self._may_run(task, scope, when, error):
                raise
            return TaskResult("skipped", "the condition does not hold")
        return self._execute_loop(task, scope, when, items, 1 if self.check else parallel, pause)

    def _may_run(self, task: Task, scope: Scope, when: When, error: UsageError) -> bool:
        """Return whether the condition of a task holds whose loop has an error; one that uses the item has it too."""
        try:
            with time_limit(task, scope):
                return holds(when, scope)
        except Unpredicted:
            raise
        except UsageError:
            raise error from None

    def _execute_loop(
        self, task: Task, scope: Scope, when: When, items: list[Any], width: int, pause: float | None
    ) -> TaskResult:
        control = task.loop_control
        last: dict[str, Value] = {}  # the variables of an item include the result of the one before, as in Ansible

        def run(index: int, item: Any) -> tuple[TaskResult, dict[str, Value]]:
            nonlocal last
            if index and pause and not self.check:
                self.clock.sleep(pause)
            own = {control.loop_var: item} | ({control.index_var: index} if control.index_var else {})
            began = self.clock.now()
            result = self._execute_item(task, scope.with_local(**last, **own), when, item)
            facts = registered_facts(result, self.clock.now() - began)
            facts |= {**own, "label": result.label}
            last = {task.register: facts} if task.register and width == 1 else {}
            return result, facts

        if width > 1 and len(items) > 1:
            from flowgate.system.parallel import run_parallel

            done = run_parallel([partial(run, index, item) for index, item in enumerate(items)], width)
        else:
            done = [run(index, item) for index, item in enumerate(items)]
        return loop_result([result for result, _ in done], [facts for _, facts in done])

    def _execute_item(self, task: Task, scope: Scope, when: When, item: Any) -> TaskResult:
        label = f"{item!s:.60}"
        try:
            if task.loop_control.label:
                with time_limit(task, scope):
                    label = str(render(task.loop_control.label, scope, below(task.at, "loop_control.label")))
            return replace(self._execute_once(task, scope, when), label=label)
        except (Interrupted, Unpredicted):
            raise
        except FlowGateError as error:
            return replace(failed_result(error), label=label)

    def _execute_once(self, task: Task, scope: Scope, when: When) -> TaskResult:
        if when:
            with time_limit(task, scope):
                may_run = holds(when, scope)
            if not may_run:
                return TaskResult("skipped", "the condition does not hold")
        if not task.until and task.retries is None:
            return self._attempt(task, scope)
        return self._check_retries(task, scope) if self.check else self._retry(task, scope)

    def _check_retries(self, task: Task, scope: Scope) -> TaskResult:
        """Make one attempt: check mode changes nothing, so waiting for a change would be useless."""
        read_retries(task, scope)
        result = self._attempt(task, scope)
        if task.until and not result.unpredicted:
            self._is_done(task, scope, result, 0.0)  # for its errors
        return result

    def _retry(self, task: Task, scope: Scope) -> TaskResult:
        """Repeat the step until `until` holds or, without `until`, until it does not fail."""
        policy = read_retries(task, scope)
        began = self.clock.now()

        def attempt(number: int) -> TaskResult:
            nonlocal began
            began = self.clock.now()
            try:
                return replace(self._attempt(task, scope), attempts=number)
            except Interrupted:
                raise
            except FlowGateError as error:
                return replace(failed_result(error), attempts=number)

        def is_done(result: TaskResult) -> bool:
            return self._is_done(task, scope, result, self.clock.now() - began)

        result, done = retry(policy, attempt, is_done, self.clock.sleep)
        if done or result.error is not None:
            return result
        error = CheckFailed(retries_exhausted(policy.attempts, task.until))
        facts = {**result.facts, "changed": result.status == "changed"}
        return replace(result, status="failed", message=error.what, error=error, facts=facts)

    def _is_done(self, task: Task, scope: Scope, result: TaskResult, seconds: float) -> bool:
        if not task.until:
            return result.error is None
        try:
            with time_limit(task, scope):
                return is_true(task.until, with_result(task, scope, result, seconds), below(task.at, "until"))
        except UsageError:
            if result.error is None:
                raise
            return False  # a failed attempt registered no facts that `until` could use

    def _attempt(self, task: Task, scope: Scope) -> TaskResult:
        """Run the step, then evaluate `changed_when` and `failed_when`.

        Source: ansible-core, `executor/task_executor.py`: in this order, after each attempt.
        """
        if not task.changed_when and not task.failed_when:
            return self._run_step(task, scope)
        began = self.clock.now()
        try:
            result = self._run_step(task, scope)
        except (Interrupted, Unpredicted):
            raise
        except FlowGateError as error:
            result = failed_result(error)
        seconds = self.clock.now() - began
        try:
            with time_limit(task, scope):
                result = override_changed(task, scope, result, seconds)
                return override_failed(task, scope, result, seconds)
        except Unpredicted as error:
            return replace(result, unpredicted=result.unpredicted or error.what)
        except UsageError as error:
            if result.error is None:
                error.facts = {**result.facts, "changed": result.status == "changed"}  # the step did run
                raise
            raise result.error from None  # a failed step registered no facts that the conditions could use

    def _run_step(self, task: Task, scope: Scope) -> TaskResult:
        info = self.catalog.find(task.step, task.at(task.step))
        with time_limit(task, scope, required=True):
            arguments = bind(info, rendered(task, info, scope), below(task.at, task.step))
            result = self._call(info, arguments)
        if not isinstance(result.facts, dict):
            kind = type(result.facts).__name__
            raise StepContractError(f"the step '{info.name}' returned facts of type {kind}; expected dict")
        if info.function is builtin.set_fact:
            scope.facts.update(result.facts)
        return result

    def _call(self, info: StepInfo, arguments: dict[str, Any]) -> TaskResult:
        """Call the step with the read-only context, and apply the change that it returns."""
        restore_memory_limit()
        found = info.function(self.read_only, **arguments)
        if isinstance(found, Change):
            return self._predict(found) if self.check else self._apply(found)
        if isinstance(found, Result) and found.status in ("unchanged", "changed", "skipped"):
            return TaskResult(found.status, found.message, found.facts)
        raise StepContractError(f"the step '{info.name}' returned {found!r:.60}; expected a Result or a Change")

    def _predict(self, change: Change) -> TaskResult:
        reason = change.unpredicted or ("" if change.changes else "not run in check mode")
        result = TaskResult(_status(change), change.summary, change.facts, diff=change.diff, predicted=True)
        return replace(result, message=_message(change, change.facts), unpredicted=reason)

    def _apply(self, change: Change) -> TaskResult:
        self.on_change(change.summary)
        facts = change.apply(self.context)
        found_nothing_to_do = isinstance(facts, dict) and facts.get("changed") is False
        status = "unchanged" if found_nothing_to_do else _status(change)
        return TaskResult(status, _message(change, facts), facts, diff=change.diff)


def _status(change: Change) -> str:
    return "changed" if change.changes else "unchanged"


def _message(change: Change, facts: Facts) -> str:
    """Return the message of the facts, which can be more precise than the summary."""
    return str(facts.get("message", change.summary)) if isinstance(facts, dict) else change.summary
