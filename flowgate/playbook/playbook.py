"""Run the plays of a playbook one after the other, until one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from flowgate.domain import Outcome, Play, Report, Value, Variables
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.executor import run
from flowgate.playbook.failure import render_name
from flowgate.playbook.inherited import from_play
from flowgate.playbook.run_context import RunContext
from flowgate.playbook.run_options import RunOptions


def run_plays(
    plays: Iterable[Play],
    context: RunContext,
    variables: Variables,
    catalog: Catalog,
    options: RunOptions | None = None,
    on_play: Callable[[Play], object] = lambda play: None,
) -> Report:
    """Run plays in order. Later plays see what earlier ones register and set, as in Ansible.

    Args:
        plays: The plays.
        context: What steps receive.
        variables: Variables from `-e`.
        catalog: All steps.
        options: Options of the run.
        on_play: Called before each play; its name is rendered.

    Returns:
        One report: the outcomes of all plays, and the error and exit code of the last play that ran.
    """
    outcomes: list[Outcome] = []
    facts: dict[str, Value] = {}
    seconds, report = 0.0, Report("", (), None, 0, 0.0)
    defaults = options.defaults if options else {}
    for written in plays:
        play = replace(written, name=render_name(written.name, from_play(written, variables, defaults, facts).scope))
        on_play(play)
        report = run(play, context, variables, catalog, options, facts)
        outcomes += [replace(outcome, play=play.name, began=seconds + outcome.began) for outcome in report.outcomes]
        seconds += report.seconds
        if report.code:
            break
    return replace(report, outcomes=tuple(outcomes), seconds=seconds)
