"""Records of playbooks: plays and tasks as written, what steps return, and how tasks ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flowgate.domain.values import Value, Variables

Facts: TypeAlias = Mapping[str, Value]  # plain data that a step returns and that `register` stores under a name


@dataclass(frozen=True, slots=True)
class Result:
    """What a step found or did.

    Attributes:
        status: "unchanged", "changed" or "skipped".
        message: One short sentence for people.
        facts: Plain data for `register`.
    """

    status: str
    message: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """Work that a step would do.

    Attributes:
        summary: One short imperative sentence ("write litellm-ab12.yaml").
        apply: Does the work with a context that may act, and returns the facts.
        facts: Predicted facts, which check mode registers.
        changes: False when the work changes nothing, for example when it only sends requests. The task then ends
            "unchanged".
        diff: (path, old text, new text) of each file that the work changes.
        unpredicted: Why `facts` and `diff` cannot predict the work; empty when they can.
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
        task: Name of the task, rendered.
        step: Word of its step.
        status: "unchanged", "changed", "skipped", "failed", "rescued" (failed in a block with a `rescue`) or "ignored".
        message: One short sentence for people.
        seconds: Duration.
        place: `file:line:column` of the task.
        facts: Plain data for `register`.
        error: The error of a failed, rescued or ignored task.
        diff: (path, old text, new text) of each file that the task changed, or would change.
        unpredicted: In check mode, why the work cannot be predicted; empty when it can.
        began: Seconds after the start of the run.
        play: Name of its play.
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
    """How a run ended.

    Attributes:
        play: Name of the last play that ran.
        outcomes: Outcomes in the order in which the tasks ended; parallel tasks in the order of the file.
        error: The error that ended the run.
        code: Exit code.
        seconds: Duration.
        playbook: Path of the playbook.
        started: RFC 3339 time in UTC.
        check: Whether the run was in check mode.
        resume: Command that resumes a failed run; empty when the run succeeded.
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
    """Options of a loop.

    Attributes:
        loop_var: Variable that holds the item.
        index_var: Variable that counts the items from 0; empty for none.
        label: Expression whose value names an item for people; empty for the item itself.
        pause: Seconds between items.
    """

    loop_var: str = "item"
    index_var: str = ""
    label: str = ""
    pause: float | str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a play, or a block of tasks, as written. Expressions are not rendered yet.

    A field that holds None or is empty was not written.

    Attributes:
        name: Name of the task.
        step: Word of its step; empty for a block.
        params: Parameters of the step.
        place: `file:line:column`.
        when: Conditions, all of which must hold.
        register: Variable that receives the result.
        until: Conditions for the end of the retries, all of which must hold.
        retries: Number of attempts after the first.
        delay: Seconds between attempts.
        backoff: Factor by which each delay exceeds the one before.
        max_delay: Longest delay in seconds.
        changed_when: Conditions that decide whether the task changed something.
        failed_when: Conditions that decide whether the task failed.
        timeout: Seconds that one attempt may take.
        loop: A list, a mapping, or an expression whose value is one.
        loop_control: Options of the loop.
        parallel: How many items of the loop, or tasks of the block, run at a time.
        notify: Names of the handlers to run at the end of the play when this task changed something.
        tags: Tags of the task.
        vars: Variables of the task.
        ignore_errors: Whether the play continues after a failure.
        block: Tasks of a block.
        rescue: Tasks that run when the block failed.
        always: Tasks that run after the block in any case.
        marks: (line, column) by dotted path under this task ("wait_healthy.timeout", "when.0"). A path that ends with
            a colon ("wait_healthy.timeout:") is that of a parameter's key.
    """

    name: str
    step: str
    params: Mapping[str, Value]
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
    vars: Variables = field(default_factory=dict)
    ignore_errors: bool | None = None
    block: tuple[Task, ...] = ()
    rescue: tuple[Task, ...] = ()
    always: tuple[Task, ...] = ()
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Locate a dotted path under this task.

        Args:
            path: For example "wait_healthy.timeout".

        Returns:
            `file:line:column` of the path, or of its nearest parent that was written.
        """
        return _locate(self.marks, path, self.place)


@dataclass(frozen=True, slots=True)
class Play:
    """A play of a playbook.

    Attributes:
        name: Name of the play; the file's name when none was written.
        vars: Variables of the play.
        tasks: Tasks in the order in which they run.
        place: `file:line:column`.
        tags: Tags that all tasks inherit.
        handlers: Tasks that run once, in this order, when a task that changed something notified them.
        force_handlers: Whether notified handlers run even when the play failed.
        marks: (line, column) by dotted path ("vars.profile").
    """

    name: str
    vars: Variables
    tasks: tuple[Task, ...]
    place: str
    tags: tuple[str, ...] = ()
    handlers: tuple[Task, ...] = ()
    force_handlers: bool = False
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Locate a dotted path under this play.

        Args:
            path: For example "vars.profile".

        Returns:
            `file:line:column` of the path, or of its nearest parent that was written.
        """
        return _locate(self.marks, path, self.place)


def _locate(marks: Mapping[str, tuple[int, int]], path: str, place: str) -> str:
    while path and path not in marks:
        path = path.rpartition(".")[0]
    if not path:
        return place
    line, column = marks[path]
    return f"{place.rsplit(':', 2)[0]}:{line}:{column}"
