"""Run the plays of a playbook one after the other, until one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from flowgate.domain import Outcome, Play, Report
from flowgate.playbook.executor import run
from flowgate.playbook.task_executor import Within


def run_plays(
    plays: Iterable[Play],
    context: Within,
    variables: Mapping[str, Any],
    *,
    begin: Callable[[Play], object] = lambda play: None,
    **options: Any,
) -> Report:
    """Run plays in order; what one of them registers or sets is known to those after it, as in Ansible.

    Args:
        begin: Told of each play before it runs.
        options: As for `run`.

    Returns:
        One report of all: the outcomes with the names of their plays, the error and the code of the last play
        run.
    """
    outcomes: list[Outcome] = []
    facts: dict[str, Any] = {}
    seconds, whole = 0.0, Report("", (), None, 0, 0.0)
    for play in plays:
        begin(play)
        whole = run(play, context, variables, facts=facts, **options)
        outcomes += [replace(ended, play=play.name, began=seconds + ended.began) for ended in whole.outcomes]
        seconds += whole.seconds
        if whole.code:
            break
    return replace(whole, outcomes=tuple(outcomes), seconds=seconds)
