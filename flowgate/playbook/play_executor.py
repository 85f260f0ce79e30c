"""Execute the tasks and blocks of a play."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from threading import RLock

from flowgate.domain import Outcome, Task
from flowgate.errors import CheckFailed, FlowGateError, Interrupted
from flowgate.playbook.block_numbers import may_run, unreadable
from flowgate.playbook.builtin import FLUSH
from flowgate.playbook.check_mode import UNKNOWN, Unpredicted
from flowgate.playbook.expressions import is_true
from flowgate.playbook.failure import Failure, block_failure, keep_cause, task_failure, task_name
from flowgate.playbook.handlers import Handlers
from flowgate.playbook.inherited import Inherited
from flowgate.playbook.locate import below
from flowgate.playbook.retries import read_parallel, read_retries, retry
from flowgate.playbook.run_options import Event, RunOptions, Started
from flowgate.playbook.tags import selected
from flowgate.playbook.task_executor import TaskExecutor
from flowgate.playbook.task_result import TaskResult, failed_result, registered_facts, retries_exhausted
from flowgate.playbook.task_values import holds
from flowgate.system.parallel import run_parallel


class PlayExecutor:
    """Executes the tasks and blocks of a play, and collects their outcomes.

    Attributes:
        began: Start of the play, in seconds of the clock.
        outcomes: Outcomes of the tasks so far.
        interrupted: The error of the first Ctrl-C.
        bug: The first exception that is not a `FlowGateError`. A run with a bug fails, also when a rescue succeeds.
    """

    def __init__(self, tasks: TaskExecutor, options: RunOptions, handlers: Handlers, play: Inherited) -> None:
        """Prepare the execution of a play.

        Args:
            tasks: Executes single tasks.
            options: Options of the run.
            handlers: Handlers of the play.
            play: What the play passes on to its tasks and handlers.
        """
        self._tasks, self._options, self._handlers, self._play = tasks, options, handlers, play
        self._only, self._skip = tuple(options.tags) or ("all",), tuple(options.skip_tags)
        self._emit = options.emit
        self._emit_lock, self._handler_lock = RLock(), RLock()  # for parallel tasks
        self.began = tasks.clock.now()
        self.outcomes: list[Outcome] = []
        self.interrupted: Interrupted | None = None
        self.bug: BaseException | None = None

    def run_tasks(self, tasks: tuple[Task, ...], inherited: Inherited) -> Failure | None:
        """Run tasks and blocks one after the other until one fails."""

        def run_all() -> Failure | None:
            for task in tasks:
                failure = self._run_task(task, inherited) if task.step else self._run_block(task, inherited)
                if failure is not None:
                    return failure
            return None

        return self.guard(run_all)

    def guard(self, work: Callable[[], Failure | None]) -> Failure | None:
        """Do some work. The first Ctrl-C makes it fail; the second is raised."""
        try:
            return work()
        except KeyboardInterrupt:
            return Failure(self._interrupt())

    def flush_handlers(self) -> Failure | None:
        """Run the notified handlers, each once, with the variables of the play.

        Source: ansible-core: handlers run independently of the selected tags, and may notify each other.
        """
        done: set[int] = set()
        with self._handler_lock:
            while (handler := self._handlers.take_next(done)) is not None:
                failure = self._run_task(handler, self._play, is_handler=True)
                if failure is not None:
                    return failure
        return None

    def _run_block(self, block: Task, inherited: Inherited) -> Failure | None:
        """Run a block, its `rescue` when it failed, and its `always` in any case."""
        inside = inherited.inside(block)
        first = len(self.outcomes)
        failure = self._try_block(block, inside)
        if failure is not None and block.rescue and self.interrupted is None:
            last = len(self.outcomes)
            scope = inside.scope.with_local(failed=failure.task)
            rescue_failure = self.run_tasks(block.rescue, replace(inside, scope=scope))
            if rescue_failure is None:
                self._mark_rescued(first, last)
            failure = rescue_failure and keep_cause(rescue_failure, failure)
        always_failure = self.run_tasks(block.always, inside) if block.always else None
        return failure or always_failure  # the first failure is the cause

    def _try_block(self, block: Task, inside: Inherited) -> Failure | None:
        """Run the tasks of a block, again while its `retries` and `until` require it."""
        if not block.until and block.retries is None:
            return self.guard(lambda: self._run_inner(block, inside))
        if self._tasks.check:
            return self._check_block(block, inside)
        first = len(self.outcomes)

        def attempt(number: int) -> Failure | None:
            nonlocal first
            self._mark_rescued(first, len(self.outcomes))  # the failures of the attempt before
            first = len(self.outcomes)
            return self.guard(lambda: self._run_inner(block, inside))

        def is_done(failure: Failure | None) -> bool:
            if self.interrupted or self.bug or all(outcome.status == "skipped" for outcome in self.outcomes[first:]):
                return True
            return failure is None and is_true(block.until, inside.scope, below(block.at, "until"))

        if not may_run(inside):
            return self.guard(lambda: self._run_inner(block, inside))
        try:
            policy = read_retries(block, inside.scope)
            failure, done = retry(policy, attempt, is_done, self._tasks.clock.sleep)
        except FlowGateError as error:  # `retries` or `until` cannot be evaluated
            return block_failure(block, error, inside.scope)
        if done or failure is not None:
            return failure
        what = retries_exhausted(policy.attempts, block.until)
        return block_failure(block, CheckFailed(what, place=block.at("until")), inside.scope)

    def _check_block(self, block: Task, inside: Inherited) -> Failure | None:
        """Run the tasks of a block once, after a look at its `retries`."""
        if failure := unreadable(block, inside, lambda: read_retries(block, inside.scope)):
            return failure
        return self.guard(lambda: self._run_inner(block, inside))

    def _run_inner(self, block: Task, inside: Inherited) -> Failure | None:
        """Run the tasks of a block one after the other, or in parallel when `parallel` is set."""
        width = 1
        if block.parallel is not None:
            if failure := unreadable(block, inside, lambda: read_parallel(block, inside.scope)):
                return failure
            if not self._tasks.check and self._options.allow is None and may_run(inside):
                width = read_parallel(block, inside.scope)
        return self.run_tasks(block.block, inside) if width == 1 else self._run_parallel(block.block, inside, width)

    def _run_parallel(self, tasks: tuple[Task, ...], inside: Inherited, width: int) -> Failure | None:
        """Run tasks in parallel, all to their end. The failure of the first failed task, as written, counts."""
        branches = [self._branch() for _ in tasks]
        jobs = [partial(branch.run_tasks, (task,), inside) for branch, task in zip(branches, tasks, strict=True)]
        try:
            failures = run_parallel(jobs, width)
        finally:
            for branch in branches:
                self.outcomes += branch.outcomes
                self.bug = self.bug or branch.bug
        self.interrupted = next((branch.interrupted for branch in branches if branch.interrupted), None)
        return next((failure for failure in failures if failure is not None), None)

    def _branch(self) -> PlayExecutor:
        """Copy this executor for a parallel task: with its own outcomes and its own Ctrl-C."""
        branch = copy(self)
        branch.outcomes = []

        def emit(event: Event) -> None:
            with self._emit_lock:
                self._emit(event)

        branch._emit = emit
        return branch

    def _run_task(self, task: Task, inherited: Inherited, *, is_handler: bool = False) -> Failure | None:
        """Run one task and report its outcome. An ignored failure is not returned."""
        if not is_handler and not selected(inherited.tags.union(task.tags), self._only, self._skip):
            return None
        if task.when or task.vars or task.notify or task.ignore_errors is not None:
            inherited = inherited.inside(task)
        if _word(task) == FLUSH and not is_handler:
            return self._run_flush(task, inherited)
        clock, name = self._tasks.clock, task_name(task, inherited.scope)
        if self._options.allow is not None and not self._options.allow(task, name):
            return None
        began = clock.now()
        self._emit(Started(name, task.step, task.place))
        result = self._execute(task, inherited)
        if result.status == "failed" and inherited.ignore_errors and self.interrupted is None:
            result = replace(result, status="ignored")
        seconds = clock.now() - began
        if task.register:
            inherited.scope.facts[task.register] = registered_facts(result, seconds)
        more = (result.facts, result.error, result.diff, result.unpredicted, began - self.began)
        outcome = Outcome(name, task.step, result.status, result.message, seconds, task.place, *more)
        self.outcomes.append(outcome)
        self._emit(outcome)
        return task_failure(outcome, result.error) if result.error is not None and result.status == "failed" else None

    def _run_flush(self, task: Task, inherited: Inherited) -> Failure | None:
        try:
            due = holds(inherited.when, inherited.scope)
        except Unpredicted:
            due = True  # check mode shows the handlers that may run
        except FlowGateError as error:
            return block_failure(task, error, inherited.scope)
        return self.flush_handlers() if due else None

    def _execute(self, task: Task, inherited: Inherited) -> TaskResult:
        """Execute a task, and convert what it raises to a result."""
        try:
            return self._execute_and_notify(task, inherited)
        except Interrupted as error:
            self.interrupted = error
            return failed_result(error)
        except KeyboardInterrupt:
            return failed_result(self._interrupt())
        except Unpredicted as error:  # only in check mode
            if _word(task) == "set_fact":
                inherited.scope.facts.update(dict.fromkeys(task.params, UNKNOWN))
            return TaskResult("skipped", f"not predicted: {error.what}", unpredicted=error.what)
        except FlowGateError as error:
            return failed_result(error)
        except Exception as error:  # noqa: BLE001  after a bug in a step, `rescue` and `always` must still run
            self.bug = self.bug or error
            return failed_result(error)

    def _execute_and_notify(self, task: Task, inherited: Inherited) -> TaskResult:
        result = self._tasks.execute(task, inherited.scope, inherited.when)
        if result.status == "changed" and inherited.notify:
            self._handlers.notify(inherited.notify, task, inherited.scope)
        return result

    def _interrupt(self) -> Interrupted:
        """Record the first Ctrl-C; raise the second."""
        if self.interrupted is not None:
            raise KeyboardInterrupt
        self.interrupted = Interrupted("interrupted")
        return self.interrupted

    def _mark_rescued(self, first: int, last: int) -> None:
        for index in range(first, last):
            if self.outcomes[index].status == "failed":
                self.outcomes[index] = replace(self.outcomes[index], status="rescued")


def _word(task: Task) -> str:
    return task.step.replace("-", "_")
