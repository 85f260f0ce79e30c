"""Run a play: task after task, blocks with their rescue and always, and what it all came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from threading import RLock
from typing import Any

from flowgate.domain import Outcome, Play, Report, Task
from flowgate.errors import CheckFailed, FlowGateError, Interrupted, UnknownName
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check_mode import Unknown, Unpredicted
from flowgate.playbook.expressions import Locate, fixed, nowhere, render, truth
from flowgate.playbook.failure import Failure, label, told, unsaid, with_its_cause
from flowgate.playbook.retries import keep_trying, tries_of, width_of
from flowgate.playbook.scope import Scope
from flowgate.playbook.tags import selected
from flowgate.playbook.task_executor import Performer, Ticking, Within
from flowgate.playbook.task_result import Ending, code_of, failed, gave_up, registered
from flowgate.system.parallel import run_parallel

FLUSH = "flush_handlers"


@dataclass(frozen=True, slots=True)
class Started:
    """A task begins; its Outcome follows.

    Attributes:
        task: Its name, rendered.
    """

    task: str
    step: str
    place: str


Event = Started | Outcome


@dataclass(frozen=True, slots=True)
class Around:
    """What a block hands down to the tasks inside it."""

    scope: Scope
    when: tuple[tuple[str | bool, str], ...] = ()
    tags: frozenset[str] = frozenset()
    ignore_errors: bool = False
    notify: tuple[str, ...] = ()

    def within(self, task: Task) -> Around:
        """Give what holds inside a block."""
        return Around(
            scope=self.scope.inside(task.vars, below(task.at, "vars")),
            when=self.when + tuple((text, task.at(f"when.{index}")) for index, text in enumerate(task.when)),
            tags=self.tags | frozenset(task.tags) if task.tags else self.tags,
            ignore_errors=self.ignore_errors if task.ignore_errors is None else task.ignore_errors,
            notify=self.notify + task.notify,
        )


def run(
    play: Play,
    context: Within,
    variables: Mapping[str, Any],
    *,
    catalog: Catalog,
    emit: Callable[[Event], None] = lambda event: None,
    check: bool = False,
    clock: Ticking | None = None,
    defaults: Mapping[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    tags: Collection[str] = (),
    skip_tags: Collection[str] = (),
    admit: Callable[[Task, str], bool] | None = None,
    doing: Callable[[str], None] = lambda summary: None,
) -> Report:
    """Run a play and report how each task ended; a failing task is told in the report, not raised.

    reach: what steps act with
    tell: called when a task starts and when it has ended

    Args:
        variables: Typed with `-e`: they beat all others.
        defaults: The config's: all others beat them.
        facts: What earlier plays registered and set; receives what this one does.
        check: Look only; what would change counts as changed, with the facts as foretold.
        clock: For durations and the waits between tries; the reach's own when None.
        tags: Which tasks run, as in Ansible (`always`, `never`, `all`, `tagged`, `untagged`).
        skip_tags: Which tasks run, as in Ansible (`always`, `never`, `all`, `tagged`, `untagged`).
        admit: Asked before each task, with its rendered name, whether it runs; a task that does not leaves no
            trace, and no task runs beside another.
        doing: Told what a step is about to do, in its own words.

    Returns:
        A report whose code is 0, the code of the error that ended it, 70 for a bug in a step, 130 after
        Ctrl-C.

    Raises:
        KeyboardInterrupt: A second Ctrl-C, while `always` parts run.
    """
    ticking = clock or context.clock
    performer = Performer(context, context.read_only(), catalog, ticking, check, doing)
    written = ((defaults or {}, nowhere), (play.vars, below(play.at, "vars")))
    scope = Scope(written, {} if facts is None else facts, variables, {})
    around = Around(scope, tags=frozenset(play.tags))
    runner = _Run(performer, emit, tuple(tags) or ("all",), tuple(skip_tags), play.handlers, around, admit)
    runner.began = began = ticking.now()
    ended = runner.sequence(play.tasks, around)
    if (ended is None or play.force_handlers) and runner.interrupted is None:
        ended_late = runner.guarded(runner.flush)
        ended = ended or ended_late
    error = runner.interrupted or runner.bug or (ended.error if ended else None)
    code = 0 if error is None else code_of(error)
    return Report(play.name, tuple(runner.outcomes), error, code, ticking.now() - began)


class _Run:
    def __init__(
        self,
        performer: Performer,
        emit: Callable[[Event], None],
        tags: tuple[str, ...],
        skip_tags: tuple[str, ...],
        handlers: tuple[Task, ...],
        around: Around,
        admit: Callable[[Task, str], bool] | None,
    ) -> None:
        self.performer, self.emit, self.tags, self.skip_tags = performer, emit, tags, skip_tags
        self.handlers, self.around, self.admit, self.began = handlers, around, admit, 0.0
        self.notified: set[str] = set()
        self.talking, self.handling = RLock(), RLock()  # tasks that run side by side do either by turns
        self.outcomes: list[Outcome] = []
        self.interrupted: Interrupted | None = None
        self.bug: BaseException | None = None  # kept even when rescued: a bug never looks like success

    def sequence(self, tasks: tuple[Task, ...], around: Around) -> Failure | None:
        """Run tasks until one fails; Ctrl-C counts as a failure, once."""

        def one_by_one() -> Failure | None:
            for task in tasks:
                ended = self.block(task, around) if not task.step else self.task(task, around)
                if ended is not None:
                    return ended
            return None

        return self.guarded(one_by_one)

    def guarded(self, work: Callable[[], Failure | None]) -> Failure | None:
        """Do some work; Ctrl-C counts as its failure, once."""
        try:
            return work()
        except KeyboardInterrupt:
            return Failure(self._interrupt(), {})

    def flush(self) -> Failure | None:
        """Run the handlers that were notified, each once, in the order they are written, with the play's own variables.

        Source: ansible-core: handlers run whatever tags were asked for, and may notify each other
        """
        ran: set[int] = set()
        with self.handling:
            while due := self._due(ran):
                ran.add(due[0])
                self.notified.discard(due[1])
                ended = self.task(self.handlers[due[0]], self.around, is_handler=True)
                if ended is not None:
                    return ended
        return None

    def _due(self, ran: set[int]) -> tuple[int, str] | None:
        if not self.notified:
            return None
        named = [
            (index, label(handler, self.around.scope))
            for index, handler in enumerate(self.handlers)
            if index not in ran
        ]
        later = [one for one in named if one[0] > max(ran, default=-1)]
        return next((one for one in [*later, *named] if one[1] in self.notified), None)

    def _notify(self, names: tuple[str, ...], task: Task, scope: Scope) -> None:
        for index, written in enumerate(names):
            at = task.at(f"notify.{index}")
            name = str(render(written, scope, fixed(at)))
            known = [label(handler, self.around.scope) for handler in self.handlers]
            if name not in known:
                raise UnknownName("handler", name, known=known, at=at)
            self.notified.add(name)

    def block(self, block: Task, around: Around) -> Failure | None:
        """Run a block; its rescue when it failed, its always in any case."""
        inside = around.within(block)
        first = len(self.outcomes)
        ended = self.tried(block, inside)
        if ended is not None and block.rescue and self.interrupted is None:
            last = len(self.outcomes)
            scope = inside.scope.naming(failed=ended.facts)
            failure, ended = ended, self.sequence(block.rescue, replace(inside, scope=scope))
            if ended is None:
                self._mark_rescued(first, last)
            else:
                ended = with_its_cause(ended, failure)
        last_ended = self.sequence(block.always, inside) if block.always else None
        return ended or last_ended  # the failure that came first is the cause

    def tried(self, block: Task, inside: Around) -> Failure | None:
        """Run the tasks of a block, again while its `retries` and `until` ask for it."""
        if self.performer.check or (not block.until and block.retries is None):
            return self.guarded(lambda: self._inner(block, inside))
        first = len(self.outcomes)

        def once(attempt: int) -> Failure | None:
            nonlocal first
            self._mark_rescued(first, len(self.outcomes))  # what failed in the try before was tried again
            first = len(self.outcomes)
            return self.guarded(lambda: self._inner(block, inside))

        def is_content(ended: Failure | None) -> bool:
            if self.interrupted or self.bug or all(one.status == "skipped" for one in self.outcomes[first:]):
                return True
            return ended is None and truth(block.until, inside.scope, below(block.at, "until"))

        try:
            tries = tries_of(block, inside.scope)
            ended, content = keep_trying(tries, once, is_content, self.performer.clock.sleep)
            error: FlowGateError = CheckFailed(gave_up(tries.most, block.until), place=block.at("until"))
        except FlowGateError as unreadable:  # its own words do not say what they should
            ended, content, error = None, False, unreadable
        return ended if content or ended is not None else Failure(error, unsaid(block, error))

    def _inner(self, block: Task, inside: Around) -> Failure | None:
        """Run the tasks of a block one after another, or side by side where `parallel` asks for it."""
        one_by_one = self.performer.check or block.parallel is None or self.admit is not None
        try:
            width = 1 if one_by_one else width_of(block, inside.scope)
        except FlowGateError as error:
            return Failure(error, unsaid(block, error))
        return self.sequence(block.block, inside) if width == 1 else self._beside(block.block, inside, width)

    def _beside(self, tasks: tuple[Task, ...], inside: Around, width: int) -> Failure | None:
        """Run tasks side by side, each to its end; the first failure, as they are written, counts."""
        branches = [self._branch() for _ in tasks]
        jobs = [partial(branch.sequence, (task,), inside) for branch, task in zip(branches, tasks, strict=True)]
        try:
            ends = run_parallel(jobs, width)
        finally:
            for branch in branches:
                self.outcomes += branch.outcomes
                self.bug = self.bug or branch.bug
        self.interrupted = next((branch.interrupted for branch in branches if branch.interrupted), None)
        return next((ended for ended in ends if ended is not None), None)

    def _branch(self) -> _Run:
        """Give a run of its own outcomes and its own Ctrl-C, for tasks that run beside others."""
        branch = copy(self)
        branch.outcomes = []

        def emit(event: Event) -> None:
            with self.talking:
                self.emit(event)

        branch.emit = emit
        return branch

    def task(self, task: Task, around: Around, *, is_handler: bool = False) -> Failure | None:
        """Run one task and tell how it ended; gives its failure unless that is ignored."""
        if not is_handler and not selected(around.tags.union(task.tags), self.tags, self.skip_tags):
            return None
        own = task.when or task.vars or task.notify or task.ignore_errors is not None
        around = around.within(task) if own else around
        clock, name = self.performer.clock, label(task, around.scope)
        if task.step.replace("-", "_") == FLUSH and not is_handler:
            return self._flush_now(task, around)
        if self.admit is not None and not self.admit(task, name):
            return None
        began = clock.now()
        self.emit(Started(name, task.step, task.place))
        ending = self._ended(task, around)
        if ending.status == "failed" and around.ignore_errors and self.interrupted is None:
            ending = replace(ending, status="ignored")
        seconds = clock.now() - began
        if task.register:
            around.scope.facts[task.register] = registered(ending, seconds)
        error = ending.error
        more = (ending.facts, ending.error, ending.diff, ending.unpredicted, began - self.began)
        outcome = Outcome(name, task.step, ending.status, ending.message, seconds, task.place, *more)
        self.outcomes.append(outcome)
        self.emit(outcome)
        return Failure(error, told(outcome, error)) if error is not None and ending.status == "failed" else None

    def _flush_now(self, task: Task, around: Around) -> Failure | None:
        try:
            due = all(truth(text, around.scope, fixed(at)) for text, at in around.when)
        except Unpredicted:
            due = True  # a check shows what may run
        except FlowGateError as error:
            return Failure(error, unsaid(task, error))
        return self.flush() if due else None

    def _ended(self, task: Task, around: Around) -> Ending:
        try:
            return self._performed(task, around)
        except Interrupted as error:
            self.interrupted = error
            return failed(error)
        except KeyboardInterrupt:
            return failed(self._interrupt())
        except Unpredicted as unknown:  # only a check comes here
            if task.step.replace("-", "_") == "set_fact":
                around.scope.facts.update({name: Unknown(task.name) for name in task.params})
            return Ending("skipped", f"not foretold: {unknown.what}", unpredicted=unknown.what)
        except FlowGateError as error:
            return failed(error)
        except Exception as error:  # noqa: BLE001  a step's bug must not skip the playbook's rescue and always
            self.bug = self.bug or error
            return failed(error)

    def _performed(self, task: Task, around: Around) -> Ending:
        ending = self.performer.perform(task, around.scope, around.when)
        if ending.status == "changed" and around.notify:
            self._notify(around.notify, task, around.scope)
        return ending

    def _interrupt(self) -> Interrupted:
        """Note the first Ctrl-C; raise the second."""
        if self.interrupted is not None:
            raise KeyboardInterrupt
        self.interrupted = Interrupted("interrupted")
        return self.interrupted

    def _mark_rescued(self, first: int, last: int) -> None:
        for index in range(first, last):
            if self.outcomes[index].status == "failed":
                self.outcomes[index] = replace(self.outcomes[index], status="rescued")


def below(at: Locate, start: str) -> Locate:
    """Give the places of what stands under a dotted path."""
    return lambda path: at(f"{start}.{path}" if path else start)
