"""The course of a run: where it starts, who is asked on the way, where it can go on, and what it would touch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flowgate.cli import console
from flowgate.domain import Play, Report
from flowgate.errors import FlowGateError, UsageError
from flowgate.playbook.task_filter import TaskFilter

if TYPE_CHECKING:
    from flowgate.cli.run_playbook import RunRequest
    from flowgate.playbook.outline import Entry


class TaskSelection:
    """The tasks of a playbook in order; looked through only when something asks for it.

    order: with the variables that hold for the run

    Attributes:
        defaults: The config's variables.
        faults: Receives a start that there is not.
    """

    def __init__(
        self, plays: tuple[Play, ...], request: RunRequest, defaults: Mapping[str, Any], faults: list[FlowGateError]
    ) -> None:
        self.plays, self.request, self._defaults = plays, request, defaults
        self._start: Entry | None = None
        if request.start_at:
            from flowgate.playbook.outline import find_start

            try:
                self._start = find_start(self._entries, request.start_at, request.tags, request.skip_tags)
            except UsageError as mistake:
                faults.append(mistake)

    @cached_property
    def _entries(self) -> list[Entry]:
        from flowgate.playbook.outline import outline

        return outline(self.plays, self.request.variables, self._defaults)

    def task_filter(self) -> TaskFilter | None:
        """Give what is asked before each task; None when every task runs."""
        if self._start is None and not self.request.stepwise:
            return None
        return TaskFilter(self._start.task if self._start else None, console.prompt if self.request.stepwise else None)

    def resume_at(self, report: Report) -> str | None:
        """Say where a run that failed can go on, as `--start-at-task` takes it."""
        from flowgate.playbook.outline import resume_at

        return resume_at(self._entries, self.plays, report.outcomes)

    def show(self) -> None:
        """Print the tasks or the tags, those that would run."""
        from flowgate.playbook.outline import filter_by_tags

        entries = filter_by_tags(self._entries, self.request.tags, self.request.skip_tags)
        first = self._start.number if self._start else 1
        entries = [one for one in entries if one.number >= first]
        for index, play in enumerate(self.plays):
            own = [one for one in entries if one.play == index]
            console.data(f"play #{index + 1}: {play.name}{_tags(play.tags)}")
            if self.request.listing == "tasks":
                _show_tasks(own)
            else:
                tags = sorted(frozenset[str]().union(*(one.tags for one in own)))
                console.data(f"  tags: {', '.join(tags) or 'none'}")


def _show_tasks(entries: list[Entry]) -> None:
    for one in entries:
        part = f"{one.section}: " if one.section else ""
        console.data(f"  #{one.number:<3} {'  ' * len(one.around)}{part}{one.name}  ({_line(one)}){_tags(one.tags)}")


def _line(entry: Entry) -> str:
    return entry.task.place.rpartition(":")[0]


def _tags(tags: tuple[str, ...] | frozenset[str]) -> str:
    return f"  [{', '.join(sorted(tags))}]" if tags else ""
