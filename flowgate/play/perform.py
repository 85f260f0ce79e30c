"""Perform one task: its condition, its loop, its tries, and the step itself, looking first and acting second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from flowgate.errors import BadValue, CheckFailed, ContractBroken, Interrupted, Mistake, Refusal
from flowgate.model import Facts, Result, Task, Todo
from flowgate.play import builtin
from flowgate.play.catalog import Catalog, StepInfo, bind
from flowgate.play.expressions import Locate, render, truth
from flowgate.play.fit import CONDITIONS, Condition, fit
from flowgate.play.scope import Scope

RETRIES = 3  # further tries when only `until` is written, as in Ansible
DELAY = 5.0  # seconds between tries, as in Ansible

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

    def looking(self) -> Any:
        """Give the same reach, unable to change anything."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task, or one item of its loop, ended.

    attempts: how often the step was tried; 0 where nothing asked for tries
    """

    status: str
    said: str
    facts: Facts = field(default_factory=dict)
    error: BaseException | None = None
    attempts: int = 0


def failed(error: BaseException) -> Ending:
    """Give the ending that an error makes."""
    return Ending("failed", error.what if isinstance(error, Refusal) else f"{type(error).__name__}: {error}", {}, error)


def code_of(error: BaseException) -> int:
    """Give the exit code of an error: a refusal's own, 70 for a bug."""
    return error.code if isinstance(error, Refusal) else 70


def registered(ending: Ending, seconds: float) -> Facts:
    """Give what `register` keeps of an ending."""
    kept: Facts = {
        **ending.facts,
        "changed": ending.status == "changed",
        "failed": ending.error is not None,
        "skipped": ending.status == "skipped",
        "said": ending.said,
        "seconds": seconds,
    }
    if ending.error is not None:
        kept["code"] = code_of(ending.error)
    if ending.attempts:
        kept["attempts"] = ending.attempts
    return kept


@dataclass(frozen=True, slots=True)
class Performer:
    """Performs tasks with one reach.

    check: look only
    """

    reach: Within
    catalog: Catalog
    clock: Ticking
    check: bool

    def perform(self, task: Task, scope: Scope, when: When) -> Ending:
        """Perform a task, once or for each item of its loop.

        when: its own conditions and those of the blocks around it
        Fails with: whatever the step raises; refusals of a loop's items only after the last item
        """
        if task.loop is None:
            return self._one(task, scope, when)
        try:
            items = _items(render(task.loop, scope, _under(task, "loop")), task)
        except Mistake:
            # As in Ansible: a condition that does not hold spares a loop over something undefined.
            if _holds(when, scope):
                raise
            return Ending("skipped", "its condition does not hold")
        return self._loop(task, scope, when, items)

    def _loop(self, task: Task, scope: Scope, when: When, items: list[Any]) -> Ending:
        endings: list[Ending] = []
        results: list[Facts] = []
        for item in items:
            began = self.clock.now()
            try:
                ending = self._one(task, scope.naming(item=item), when)
            except Interrupted:
                raise
            except Refusal as refusal:
                ending = failed(refusal)
            endings.append(ending)
            results.append({**registered(ending, self.clock.now() - began), "item": item})
        return _together(endings, results)

    def _one(self, task: Task, scope: Scope, when: When) -> Ending:
        if when and not _holds(when, scope):
            return Ending("skipped", "its condition does not hold")
        # A check changes nothing, so waiting for a change would only waste the time.
        if self.check or (not task.until and task.retries is None):
            return self._step(task, scope)
        return self._tries(task, scope)

    def _tries(self, task: Task, scope: Scope) -> Ending:
        """Try until `until` holds, or, without one, until the step does not fail.

        Source: ansible-core, `executor/task_executor.py`: `retries` counts the tries after the first
        """
        written = render(task.retries, scope, _under(task, "retries"))
        most = 1 + (RETRIES if written is None else max(0, _fitted(task, "retries", int, written)))
        written = render(task.delay, scope, _under(task, "delay"))
        delay = DELAY if written is None else max(0.0, _fitted(task, "delay", float, written))
        for attempt in range(1, most + 1):
            began = self.clock.now()
            ending = replace(self._caught(task, scope), attempts=attempt)
            if self._content(task, scope, ending, self.clock.now() - began):
                return ending
            if attempt < most:
                self.clock.sleep(delay)
        if ending.error is not None:
            return ending
        gave_up = CheckFailed(f"gave up after {most} tries: {' and '.join(map(str, task.until))} does not hold")
        return replace(ending, status="failed", said=gave_up.what, error=gave_up)

    def _content(self, task: Task, scope: Scope, ending: Ending, seconds: float) -> bool:
        if not task.until:
            return ending.error is None
        seen = scope.naming(**{task.register: registered(ending, seconds)}) if task.register else scope
        try:
            return truth(task.until, seen, _under(task, "until"))
        except Mistake:
            if ending.error is None:
                raise
            return False  # a try that failed registered no facts for `until` to ask about

    def _caught(self, task: Task, scope: Scope) -> Ending:
        try:
            return self._step(task, scope)
        except Interrupted:
            raise
        except Refusal as refusal:
            return failed(refusal)

    def _step(self, task: Task, scope: Scope) -> Ending:
        info = self.catalog.find(task.step, task.at(task.step))
        arguments = bind(info, _rendered(task, info, scope), _under(task, task.step))
        found = info.function(self.reach.looking(), **arguments)
        if isinstance(found, Todo):
            facts = found.facts if self.check else found.do(self.reach)
            # What was done may be said better than what would be done.
            said = facts.get("said", found.would) if isinstance(facts, dict) else found.would
            ending = Ending("changed" if found.changes else "same", str(said), facts)
        elif isinstance(found, Result) and found.status in ("same", "changed", "skipped"):
            ending = Ending(found.status, found.said, found.facts)
        else:
            raise ContractBroken(f"the step '{info.name}' gave {found!r:.60}, neither a Result nor a Todo")
        if not isinstance(ending.facts, dict):
            raise ContractBroken(f"the step '{info.name}' gave {type(ending.facts).__name__} for facts, not a dict")
        if info.function is builtin.set_fact:
            scope.facts.update(ending.facts)
        return ending


def _rendered(task: Task, info: StepInfo, scope: Scope) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in task.params.items():
        under = _under(task, f"{task.step}.{name}")
        param = info.params.get(name)
        if param is not None and param.kind == CONDITIONS:
            listed = value if isinstance(value, list) else [value]
            values[name] = tuple(Condition(str(text), truth([text], scope, under)) for text in listed)
        else:
            values[name] = render(value, scope, under)
    return values


def _items(value: Any, task: Task) -> list[Any]:
    if isinstance(value, Mapping):
        return [{"key": key, "value": entry} for key, entry in value.items()]
    if isinstance(value, (list, tuple)):
        return list(value)
    raise BadValue("loop", found=value, wanted="a list or a mapping", at=task.at("loop"))


def _together(endings: list[Ending], results: list[Facts]) -> Ending:
    """Sum up a loop: failed where any item failed, changed where any changed."""
    statuses = [ending.status for ending in endings]
    facts = {"results": results}
    if "failed" in statuses:
        first = next(ending for ending in endings if ending.status == "failed")
        return Ending("failed", first.said, facts, first.error)
    if not endings:
        return Ending("skipped", "the loop has no items", facts)
    changed = statuses.count("changed")
    said = f"{changed} of {len(endings)} items changed" if changed else f"{len(endings)} items"
    if all(status == "skipped" for status in statuses):
        return Ending("skipped", "its condition holds for no item", facts)
    return Ending("changed" if changed else "same", said, facts)


def _holds(when: When, scope: Scope) -> bool:
    return all(truth(text, scope, _always(place)) for text, place in when)


def _fitted(task: Task, word: str, kind: Any, value: Any) -> Any:
    try:
        return fit(kind, value)
    except ValueError as wanted:
        raise BadValue(word, found=value, wanted=str(wanted), at=task.at(word)) from None


def _under(task: Task, start: str) -> Locate:
    return lambda path: task.at(f"{start}.{path}" if path else start)


def _always(place: str) -> Locate:
    return lambda path: place
