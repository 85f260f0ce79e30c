"""The handlers of a play, and which of them were notified."""

from __future__ import annotations

from flowgate.domain import Task
from flowgate.errors import UnknownName
from flowgate.playbook.expressions import render
from flowgate.playbook.failure import task_name
from flowgate.playbook.locate import fixed_location
from flowgate.playbook.scope import Scope


class Handlers:
    """The handlers of a play, and which of them were notified.

    Attributes:
        notified: Names of the handlers that are due.
    """

    def __init__(self, tasks: tuple[Task, ...], scope: Scope) -> None:
        """Collect handlers.

        Args:
            tasks: The handlers in the order in which they run.
            scope: Variables of the play, for names with expressions.
        """
        self._tasks, self._scope = tasks, scope
        self.notified: set[str] = set()

    def notify(self, names: tuple[str, ...], task: Task, scope: Scope) -> None:
        """Mark handlers as notified.

        Args:
            names: Names as written in `notify`.
            task: The task that notifies.
            scope: Its variables.

        Raises:
            UnknownName: There is no handler of this name.
        """
        for index, written in enumerate(names):
            at = task.at(f"notify.{index}")
            name = str(render(written, scope, fixed_location(at)))
            known = [task_name(handler, self._scope) for handler in self._tasks]
            if name not in known:
                raise UnknownName("handler", name, known=known, at=at)
            self.notified.add(name)

    def take_next(self, done: set[int]) -> Task | None:
        """Take the next notified handler: the first after the last that ran, else the first of all.

        Args:
            done: Indexes of the handlers that ran in this flush; receives the index of the next one.

        Returns:
            The handler; None when none is due.
        """
        if not self.notified:
            return None
        due = [
            (index, name)
            for index, handler in enumerate(self._tasks)
            if index not in done and (name := task_name(handler, self._scope)) in self.notified
        ]
        if not due:
            return None
        index, name = next((entry for entry in due if entry[0] > max(done, default=-1)), due[0])
        done.add(index)
        self.notified.discard(name)
        return self._tasks[index]
