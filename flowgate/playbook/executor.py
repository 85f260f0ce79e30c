"""Run plays: handlers, the first failure, and the report."""

from __future__ import annotations

from flowgate.domain import Play, Report, Value, Variables
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.handlers import Handlers
from flowgate.playbook.inherited import from_play
from flowgate.playbook.play_executor import PlayExecutor
from flowgate.playbook.run_context import RunContext
from flowgate.playbook.run_options import RunOptions
from flowgate.playbook.task_executor import TaskExecutor
from flowgate.playbook.task_result import exit_code


def run(
    play: Play,
    context: RunContext,
    variables: Variables,
    catalog: Catalog,
    options: RunOptions | None = None,
    facts: dict[str, Value] | None = None,
) -> Report:
    """Run a play.

    A failed task is reported, not raised.

    Args:
        play: The play.
        context: What steps receive.
        variables: Variables from `-e`; they override all others.
        catalog: All steps.
        options: Options of the run.
        facts: What earlier plays registered and set; receives the facts of this play.

    Returns:
        A report. Its code is 0, or the exit code of the error that ended the play: 70 for a bug in a step, 130 after
        Ctrl-C.

    Raises:
        KeyboardInterrupt: A second Ctrl-C, while `always` runs.
    """
    options = options or RunOptions()
    clock = options.clock or context.clock
    tasks = TaskExecutor(context, context.read_only(), catalog, clock, options.check, options.on_change)
    inherited = from_play(play, variables, options.defaults, {} if facts is None else facts)
    executor = PlayExecutor(tasks, options, Handlers(play.handlers, inherited.scope), inherited)
    failure = executor.run_tasks(play.tasks, inherited)
    if (failure is None or play.force_handlers) and executor.interrupted is None:
        late = executor.guard(executor.flush_handlers)
        failure = failure or late
    error = executor.interrupted or executor.bug or (failure.error if failure else None)
    code = 0 if error is None else exit_code(error)
    return Report(play.name, tuple(executor.outcomes), error, code, clock.now() - executor.began)
