"""Decide before each task whether it runs: for `--start-at-task` and `--step`."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Task

YES, CONTINUE = ("y", "yes"), ("c", "continue")


class TaskFilter:
    """Decides whether a task runs."""

    def __init__(self, start: Task | None = None, ask: Callable[[str], str | None] | None = None) -> None:
        """Set up the filter.

        Args:
            start: First task to run; None for the first task of the playbook.
            ask: Asks the user and returns the answer, or None when input is closed; None to ask nothing.
        """
        self._start, self._ask = start, ask

    def allows(self, task: Task, name: str) -> bool:
        """Decide whether a task runs.

        Source: ansible-core, `plugins/strategy/__init__.py`, `_take_step`: any answer except y and c means no.

        Args:
            task: The task.
            name: Its rendered name.

        Returns:
            Whether the task runs.

        Raises:
            KeyboardInterrupt: Input is closed. The run ends as after Ctrl-C.
        """
        if self._start is not None:
            if task is not self._start:
                return False
            self._start = None
        if self._ask is None:
            return True
        answer = self._ask(f"Perform task: {name} (N)o/(y)es/(c)ontinue: ")
        if answer is None or answer.strip().lower() in CONTINUE:
            self._ask = None  # tasks in `always` run without a question
        if answer is None:
            raise KeyboardInterrupt
        return answer.strip().lower() in (*YES, *CONTINUE)
