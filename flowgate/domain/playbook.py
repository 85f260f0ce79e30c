"""The nouns of steps and plays: what is found, what is done, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]  # what a step gives: plain data, registered under a name


@dataclass(frozen=True, slots=True)
class Result:
    """What a step found or did.

    status: "same" (content already), "changed", "skipped"
    said: one short sentence for people
    facts: plain data for `register`
    """

    status: str
    message: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a step would do.

    would: one short sentence, in the imperative ("write litellm-ab12.yaml")
    do: does it, with the acting reach, and gives the facts
    facts: the facts as far as they can be foretold; what check mode registers
    changes: false when the work only asks (a smoke question): it counts as "same" afterwards
    diff: (path, old text, new text) of files it would change, for --diff
    unpredicted: why neither `facts` nor `diff` can tell what it would do; empty when they do
    """

    summary: str
    do: Callable[[Any], Facts]
    facts: Facts = field(default_factory=dict)
    changes: bool = True
    diff: tuple[tuple[str, str, str], ...] = ()
    unpredicted: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended.

    status: "same", "changed", "skipped", "failed", "rescued" (failed inside a block that has a rescue) or "ignored"
    seconds: how long it took
    place: `file:line` of the task
    diff: (path, old text, new text) of the files it changed, or would change
    unpredicted: in a check, why it cannot tell what a run would do; empty when it can
    began: seconds after the start of the run
    play: the name of its play
    """

    task: str
    step: str
    status: str
    message: str
    seconds: float
    place: str
    facts: Facts = field(default_factory=dict)
    error: BaseException | None = None
    diff: tuple[tuple[str, str, str], ...] = ()
    unpredicted: str = ""
    began: float = 0.0
    play: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run: its outcomes in the order they ended, the error that ended it, and the code for the shell.

    outcomes: those of tasks side by side in the order they are written
    playbook: the file; started: RFC 3339, in UTC; check: whether it only looked
    resume: the command that goes on where it failed; empty when it did not
    """

    play: str
    outcomes: tuple[Outcome, ...]
    error: BaseException | None
    code: int
    seconds: float
    playbook: str = ""
    started: str = ""
    check: bool = False
    resume: str = ""


@dataclass(frozen=True, slots=True)
class LoopControl:
    """How a loop names and shows its items.

    loop_var: the variable that holds the item; index_var: the one that counts them from 0; empty for none
    label: what names an item for people, an expression; empty for the item itself
    pause: seconds between items
    """

    loop_var: str = "item"
    index_var: str = ""
    label: str = ""
    pause: float | str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a play, or a block of tasks, as written: expressions are not rendered yet.

    name: empty when none was written
    step: the word of its step; empty for a block
    params: the step's parameters
    place: `file:line:column`
    when, until, changed_when, failed_when: conditions, all of which must hold; empty when not written
    retries: further tries after the first; None when not written
    delay: seconds between tries; backoff: by what each wait is longer than the last; max_delay: seconds, the longest
        wait; None when not written
    timeout: seconds that one try may take; None when not written
    loop: a list, a mapping or an expression that gives one; None when not written
    parallel: how many items of the loop, or tasks of the block, at a time; None when not written
    notify: names of handlers to run at the end of the play when this task changed something
    block, rescue, always: the tasks of a block; all empty for a task
    marks: dotted path under this task ("wait_healthy.timeout", "when.0") → (line, column) of the value; with a colon
        at its end ("wait_healthy.timeout:"), of a parameter's key
    """

    name: str
    step: str
    params: Mapping[str, Any]
    place: str
    when: tuple[str | bool, ...] = ()
    register: str = ""
    until: tuple[str | bool, ...] = ()
    retries: int | str | None = None
    delay: float | str | None = None
    backoff: float | str | None = None
    max_delay: float | str | None = None
    changed_when: tuple[str | bool, ...] = ()
    failed_when: tuple[str | bool, ...] = ()
    timeout: float | str | None = None
    loop: Any = None
    loop_control: LoopControl = LoopControl()
    parallel: int | str | None = None
    notify: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    ignore_errors: bool | None = None
    block: tuple[Task, ...] = ()
    rescue: tuple[Task, ...] = ()
    always: tuple[Task, ...] = ()
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Give `file:line:column` of a dotted path under this task, or of its nearest written ancestor."""
        return _nearest(self.marks, path, self.place)


@dataclass(frozen=True, slots=True)
class Play:
    """One play of a playbook: variables and tasks, in the order they run.

    place: `file:line:column`
    handlers: tasks that run once, in this order, when a task that changed something has notified them
    force_handlers: they run even when the play has failed
    marks: dotted path ("vars.profile") → (line, column)
    """

    name: str
    vars: Mapping[str, Any]
    tasks: tuple[Task, ...]
    place: str
    tags: tuple[str, ...] = ()
    handlers: tuple[Task, ...] = ()
    force_handlers: bool = False
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Give `file:line:column` of a dotted path under this play, or of its nearest written ancestor."""
        return _nearest(self.marks, path, self.place)


def _nearest(marks: Mapping[str, tuple[int, int]], path: str, place: str) -> str:
    while path and path not in marks:
        path = path.rpartition(".")[0]
    if not path:
        return place
    line, column = marks[path]
    return f"{place.rsplit(':', 2)[0]}:{line}:{column}"
