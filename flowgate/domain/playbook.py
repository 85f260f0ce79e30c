"""The nouns of steps and plays: what is found, what is done, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Facts = dict[str, Any]  # what a step gives: plain data, registered under a name


@dataclass(frozen=True, slots=True)
class Result:
    """What a step found or did.

    said: one short sentence for people

    Attributes:
        status: "same" (content already), "changed", "skipped".
        facts: Plain data for `register`.
    """

    status: str
    message: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What a step would do.

    would: one short sentence, in the imperative ("write litellm-ab12.yaml")

    Attributes:
        do: Does it, with the acting reach, and gives the facts.
        facts: The facts as far as they can be foretold; what check mode registers.
        changes: False when the work only asks (a smoke question): it counts as "same" afterwards.
        diff: (path, old text, new text) of files it would change, for --diff.
        unpredicted: Why neither `facts` nor `diff` can tell what it would do; empty when they do.
    """

    summary: str
    apply: Callable[[Any], Facts]
    facts: Facts = field(default_factory=dict)
    changes: bool = True
    diff: tuple[tuple[str, str, str], ...] = ()
    unpredicted: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended.

    Attributes:
        status: "same", "changed", "skipped", "failed", "rescued" (failed inside a block that has a rescue) or
            "ignored".
        seconds: How long it took.
        place: `file:line` of the task.
        diff: (path, old text, new text) of the files it changed, or would change.
        unpredicted: In a check, why it cannot tell what a run would do; empty when it can.
        began: Seconds after the start of the run.
        play: The name of its play.
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

    Attributes:
        outcomes: Those of tasks side by side in the order they are written.
        playbook: The file.
        started: RFC 3339, in UTC.
        check: Whether it only looked.
        resume: The command that goes on where it failed; empty when it did not.
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

    Attributes:
        loop_var: The variable that holds the item.
        index_var: The one that counts them from 0; empty for none.
        label: What names an item for people, an expression; empty for the item itself.
        pause: Seconds between items.
    """

    loop_var: str = "item"
    index_var: str = ""
    label: str = ""
    pause: float | str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a play, or a block of tasks, as written: expressions are not rendered yet.

    Attributes:
        name: Empty when none was written.
        step: The word of its step; empty for a block.
        params: The step's parameters.
        place: `file:line:column`.
        when: Conditions, all of which must hold; empty when not written.
        until: Conditions, all of which must hold; empty when not written.
        changed_when: Conditions, all of which must hold; empty when not written.
        failed_when: Conditions, all of which must hold; empty when not written.
        retries: Further tries after the first; None when not written.
        delay: Seconds between tries.
        backoff: By what each wait is longer than the last.
        max_delay: Seconds, the longest wait; None when not written.
        timeout: Seconds that one try may take; None when not written.
        loop: A list, a mapping or an expression that gives one; None when not written.
        parallel: How many items of the loop, or tasks of the block, at a time; None when not written.
        notify: Names of handlers to run at the end of the play when this task changed something.
        block: The tasks of a block; all empty for a task.
        rescue: The tasks of a block; all empty for a task.
        always: The tasks of a block; all empty for a task.
        marks: Dotted path under this task ("wait_healthy.timeout", "when.0") → (line, column) of the value; with
            a colon at its end ("wait_healthy.timeout:"), of a parameter's key.
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

    Attributes:
        place: `file:line:column`.
        handlers: Tasks that run once, in this order, when a task that changed something has notified them.
        force_handlers: They run even when the play has failed.
        marks: Dotted path ("vars.profile") → (line, column).
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
