"""Whether a task runs: from a start on, and as somebody at the terminal answers."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.domain import Task

YES, CONTINUE = ("y", "yes"), ("c", "continue")


class TaskFilter:
    """Asked before each task; shut until `start` has come.

    Attributes:
        start: The first task to run; None for the first there is.
        ask: Puts a question and gives the answer, None when nobody can answer any more; None to ask nothing.
    """

    def __init__(self, start: Task | None = None, ask: Callable[[str], str | None] | None = None) -> None:
        self._start, self._ask = start, ask

    def allows(self, task: Task, name: str) -> bool:
        """Say whether a task runs.

        Source: ansible-core, `plugins/strategy/__init__.py`, `_take_step`: no answer but y and c means no

        Raises:
            KeyboardInterrupt: Nobody answers any more: the run ends as after Ctrl-C.
        """
        if self._start is not None:
            if task is not self._start:
                return False
            self._start = None
        if self._ask is None:
            return True
        answer = self._ask(f"Perform task: {name} (N)o/(y)es/(c)ontinue: ")
        if answer is None or answer.strip().lower() in CONTINUE:
            self._ask = None  # `always` parts run unasked
        if answer is None:
            raise KeyboardInterrupt
        return answer.strip().lower() in (*YES, *CONTINUE)
