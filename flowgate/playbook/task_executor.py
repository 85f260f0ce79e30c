"""Perform one task: its condition, its loop, its tries, and the step itself, looking first and acting second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from flowgate.domain import Change, Facts, Result, Task
from flowgate.errors import CheckFailed, FlowGateError, Interrupted, InvalidValue, StepContractError, UsageError
from flowgate.playbook import builtin
from flowgate.playbook.catalog import Catalog, StepInfo, bind
from flowgate.playbook.check_mode import Unpredicted
from flowgate.playbook.coerce import CONDITIONS, EVALUATED, Condition, Shown
from flowgate.playbook.expressions import fixed, render, truth, value_of
from flowgate.playbook.retries import keep_trying, number, tries_of, under, width_of
from flowgate.playbook.scope import Scope
from flowgate.playbook.task_result import Ending, failed, gave_up, registered, together
from flowgate.system.deadline import deadline

LOG_LINES = 15  # of what a command said, shown with its failure

When = tuple[tuple[str | bool, str], ...]  # conditions, each with its place


class Ticking(Protocol):
    """A clock: seconds that only grow, and a way to wait."""

    @property
    def now(self) -> Callable[[], float]:
        """Give the function that gives seconds."""

    @property
    def sleep(self) -> Callable[[float], object]:
        """Give the function that waits for seconds."""


class Within(Protocol):
    """What a step has within reach: to act with, and guarded for looking."""

    @property
    def clock(self) -> Ticking:
        """Give the clock."""

    def read_only(self) -> Any:
        """Give the same reach, unable to change anything."""


@dataclass(frozen=True, slots=True)
class Performer:
    """Performs tasks with one reach.

    Attributes:
        looking: The same reach, guarded: what steps look with.
        check: Look only.
        doing: Told what a step is about to do.
    """

    context: Within
    looking: Any
    catalog: Catalog
    clock: Ticking
    check: bool
    doing: Callable[[str], None] = lambda summary: None

    def perform(self, task: Task, scope: Scope, when: When) -> Ending:
        """Perform a task, once or for each item of its loop.

        Args:
            when: Its own conditions and those of the blocks around it.

        Raises:
            FlowGateError: Whatever the step raises.
            FlowGateError: Refusals of a loop's items only after the last item.
        """
        if task.loop is None:
            return self._one(task, scope, when)
        try:
            items = _items(render(task.loop, scope, under(task, "loop")), task)
        except UsageError:
            # As in Ansible: a condition that does not hold spares a loop over something undefined.
            if _holds(when, scope):
                raise
            return Ending("skipped", "its condition does not hold")
        return self._loop(task, scope, when, items)

    def _loop(self, task: Task, scope: Scope, when: When, items: list[Any]) -> Ending:
        control = task.loop_control
        pause = number(task, "loop_control.pause", float, control.pause, scope)
        width = 1 if self.check else width_of(task, scope)
        last: Facts = {}  # the result of the item before, as in Ansible

        def apply(index: int, item: Any) -> tuple[Ending, Facts]:
            nonlocal last
            if index and pause and not self.check:
                self.clock.sleep(pause)
            own = {control.loop_var: item} | ({control.index_var: index} if control.index_var else {})
            began = self.clock.now()
            ending = self._item(task, scope.naming(**last, **own), when, item)
            facts = registered(ending, self.clock.now() - began)
            facts |= {**own, "label": ending.label}
            last = {task.register: facts} if task.register and width == 1 else {}
            return ending, facts

        if width > 1 and len(items) > 1:
            from flowgate.system.parallel import run_parallel

            done = run_parallel([partial(apply, index, item) for index, item in enumerate(items)], width)
        else:
            done = [apply(index, item) for index, item in enumerate(items)]
        return together([ending for ending, _ in done], [facts for _, facts in done])

    def _item(self, task: Task, scope: Scope, when: When, item: Any) -> Ending:
        named = f"{item!s:.60}"
        try:
            if task.loop_control.label:
                named = str(render(task.loop_control.label, scope, under(task, "loop_control.label")))
            return replace(self._one(task, scope, when), label=named)
        except (Interrupted, Unpredicted):
            raise
        except FlowGateError as error:
            return replace(failed(error), label=named)

    def _one(self, task: Task, scope: Scope, when: When) -> Ending:
        if when and not _holds(when, scope):
            return Ending("skipped", "its condition does not hold")
        # A check changes nothing, so waiting for a change would only waste the time.
        if self.check or (not task.until and task.retries is None):
            return self._judged(task, scope) if task.changed_when or task.failed_when else self._step(task, scope)
        return self._tries(task, scope)

    def _tries(self, task: Task, scope: Scope) -> Ending:
        """Try until `until` holds, or, without one, until the step does not fail."""
        tries = tries_of(task, scope)
        began = self.clock.now()

        def once(attempt: int) -> Ending:
            nonlocal began
            began = self.clock.now()
            return replace(self._caught(task, scope), attempts=attempt)

        def is_content(ending: Ending) -> bool:
            return self._content(task, scope, ending, self.clock.now() - began)

        ending, content = keep_trying(tries, once, is_content, self.clock.sleep)
        if content or ending.error is not None:
            return ending
        error = CheckFailed(gave_up(tries.most, task.until))
        facts = {**ending.facts, "changed": ending.status == "changed"}
        return replace(ending, status="failed", message=error.what, error=error, facts=facts)

    def _content(self, task: Task, scope: Scope, ending: Ending, seconds: float) -> bool:
        if not task.until:
            return ending.error is None
        try:
            return truth(task.until, _seeing(task, scope, ending, seconds), under(task, "until"))
        except UsageError:
            if ending.error is None:
                raise
            return False  # a try that failed registered no facts for `until` to ask about

    def _caught(self, task: Task, scope: Scope) -> Ending:
        try:
            return self._judged(task, scope)
        except Interrupted:
            raise
        except FlowGateError as error:
            return failed(error)

    def _judged(self, task: Task, scope: Scope) -> Ending:
        """Do the step, then let `changed_when` and `failed_when` say how it ended.

        Source: ansible-core, `executor/task_executor.py`: in this order, after each try; both overrule the step
        """
        if not task.changed_when and not task.failed_when:
            return self._step(task, scope)
        began = self.clock.now()
        try:
            ending = self._step(task, scope)
        except (Interrupted, Unpredicted):
            raise
        except FlowGateError as error:
            ending = failed(error)
        seconds = self.clock.now() - began
        try:
            ending = _ruled_changed(task, scope, ending, seconds)
            return _ruled_failed(task, scope, ending, seconds)
        except Unpredicted as unknown:
            return replace(ending, unpredicted=ending.unpredicted or unknown.what)
        except UsageError as mistake:
            if ending.error is None:
                mistake.facts = {**ending.facts, "changed": ending.status == "changed"}  # it has run all the same
                raise
            raise ending.error from None  # a step that failed gave no facts to ask about

    def _step(self, task: Task, scope: Scope) -> Ending:
        info = self.catalog.find(task.step, task.at(task.step))
        arguments = bind(info, _rendered(task, info, scope), under(task, task.step))
        seconds = number(task, "timeout", float, task.timeout, scope)
        with deadline(seconds) if seconds else nullcontext():
            ending = self._done(info, arguments)
        if not isinstance(ending.facts, dict):
            raise StepContractError(f"the step '{info.name}' gave {type(ending.facts).__name__} for facts, not a dict")
        if info.function is builtin.set_fact:
            scope.facts.update(ending.facts)
        return ending

    def _done(self, info: StepInfo, arguments: dict[str, Any]) -> Ending:
        """Look, and act where there is something to do."""
        found = info.function(self.looking, **arguments)
        if isinstance(found, Change):
            if not self.check:
                self.doing(found.summary)
            facts = found.facts if self.check else found.apply(self.context)
            # What was done may be said better than what would be done.
            message = facts.get("message", found.summary) if isinstance(facts, dict) else found.summary
            status = "changed" if found.changes else "unchanged"
            reason = (found.unpredicted or ("" if found.changes else "a check does not ask")) if self.check else ""
            return Ending(status, str(message), facts, diff=found.diff, predicted=self.check, unpredicted=reason)
        if isinstance(found, Result) and found.status in ("unchanged", "changed", "skipped"):
            return Ending(found.status, found.message, found.facts)
        raise StepContractError(f"the step '{info.name}' gave {found!r:.60}, neither a Result nor a Change")


def _seeing(task: Task, scope: Scope, ending: Ending, seconds: float) -> Scope:
    """Give the scope in which a task's own conditions see what it registers."""
    return scope.naming(**{task.register: registered(ending, seconds)}) if task.register else scope


def _ruled_changed(task: Task, scope: Scope, ending: Ending, seconds: float) -> Ending:
    """Let `changed_when` say whether a try changed something."""
    if not task.changed_when:
        return ending
    changed = truth(task.changed_when, _seeing(task, scope, ending, seconds), under(task, "changed_when"))
    ending = replace(ending, facts={**ending.facts, "changed": changed})
    if ending.status in ("unchanged", "changed"):
        ending = replace(ending, status="changed" if changed else "unchanged")
    return ending


def _ruled_failed(task: Task, scope: Scope, ending: Ending, seconds: float) -> Ending:
    """Let `failed_when` say whether a try failed."""
    if not task.failed_when:
        return ending
    touched = ending.status == "changed" or ending.facts.get("changed") is True
    if truth(task.failed_when, _seeing(task, scope, ending, seconds), under(task, "failed_when")):
        reason = f"failed_when holds: {' and '.join(map(str, task.failed_when))}"
        log = ending.error.log if isinstance(ending.error, FlowGateError) else _last_lines(ending.facts)
        return failed(CheckFailed(reason, log=log, facts={**ending.facts, "changed": touched}))
    if ending.error is not None:
        return replace(ending, status="changed" if touched else "unchanged", error=None)
    return ending


def _last_lines(facts: Facts) -> list[str]:
    """Give the end of what a command said."""
    kept = [facts.get(name) for name in ("stdout_lines", "stderr_lines")]
    message = [str(line) for lines in kept if isinstance(lines, list) for line in lines]
    return message[-LOG_LINES:]


def _rendered(task: Task, info: StepInfo, scope: Scope) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in task.params.items():
        place = under(task, f"{task.step}.{name}")
        param = info.params.get(name)
        if param is not None and param.kind == CONDITIONS:
            listed = value if isinstance(value, list) else [value]
            values[name] = tuple(Condition(str(text), truth([text], scope, place)) for text in listed)
        elif param is not None and param.kind in EVALUATED and value is not None:
            values[name] = Shown(str(value), value_of(str(value), scope, place))
        else:
            values[name] = render(value, scope, place)
    return values


def _items(value: Any, task: Task) -> list[Any]:
    if isinstance(value, Mapping):
        return [{"key": key, "value": entry} for key, entry in value.items()]
    if isinstance(value, (list, tuple)):
        return list(value)
    raise InvalidValue("loop", found=value, wanted="a list or a mapping", at=task.at("loop"))


def _holds(when: When, scope: Scope) -> bool:
    return all(truth(text, scope, fixed(place)) for text, place in when)
