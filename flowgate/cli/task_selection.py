"""Which tasks of a playbook run: where the run starts, where it can resume, and the lists that people ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.requests import RunRequest
from flowgate.domain import Play, Report, Variables
from flowgate.errors import FlowGateError, UsageError
from flowgate.playbook.task_filter import TaskFilter

if TYPE_CHECKING:
    from flowgate.playbook.outline import Entry


class TaskSelection:
    """The tasks of a playbook in order; listed only when something needs the list.

    Args:
        plays: The plays of the playbook.
        request: What to run.
        variables: Returns the variables of the run.
        defaults: Returns the config's variables and the profile.
        faults: Receives the error when the first task cannot be found.
    """

    def __init__(
        self,
        plays: tuple[Play, ...],
        request: RunRequest,
        variables: Callable[[], Variables],
        defaults: Callable[[], Variables],
        faults: list[FlowGateError],
    ) -> None:
        self.plays, self.request, self._variables, self._defaults = plays, request, variables, defaults
        self._start: Entry | None = None
        if request.start_at:
            from flowgate.playbook.outline import find_start

            try:
                self._start = find_start(self._entries, request.start_at, request.tags, request.skip_tags)
            except UsageError as error:
                faults.append(error)

    @cached_property
    def _entries(self) -> list[Entry]:
        from flowgate.playbook.outline import outline

        return outline(self.plays, self._variables(), self._defaults())

    def task_filter(self) -> TaskFilter | None:
        """Return the filter that decides before each task; None when every task runs."""
        if self._start is None and not self.request.stepwise:
            return None
        return TaskFilter(self._start.task if self._start else None, console.prompt if self.request.stepwise else None)

    def resume_at(self, report: Report) -> str | None:
        """Find the task at which a failed run can resume.

        Args:
            report: The failed run.

        Returns:
            The task as `--start-at-task` takes it; None when the whole playbook has to run again.
        """
        from flowgate.playbook.outline import resume_at

        return resume_at(self._entries, self.plays, report.outcomes)

    def show(self, listing: str) -> None:
        """Print the tasks that would run, or their tags.

        Args:
            listing: "tasks" or "tags".
        """
        from flowgate.playbook.failure import render_name
        from flowgate.playbook.inherited import from_play
        from flowgate.playbook.outline import filter_by_tags

        entries = filter_by_tags(self._entries, self.request.tags, self.request.skip_tags)
        first = self._start.number if self._start else 1
        entries = [one for one in entries if one.number >= first]
        for index, play in enumerate(self.plays):
            own = [one for one in entries if one.play == index]
            scope = from_play(play, self._variables(), self._defaults(), {}).scope
            console.data(f"play #{index + 1}: {render_name(play.name, scope)}{_tags(play.tags)}")
            if listing == "tasks":
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
