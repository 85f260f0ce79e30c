"""What people see while a playbook runs: a line for each task, and on a terminal what is being waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.domain import Outcome
from flowgate.playbook.run_options import Event
from flowgate.system import terminal
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from flowgate.cli.spinner import Spinner


class RunProgress:
    """Tells what happens, one task at a time.

    Attributes:
        diff: Show what differs in files.
    """

    def __init__(self, diff: bool) -> None:
        self._diff = diff
        self._spinner: Spinner | None = None
        self._running: list[tuple[str, str]] = []  # task and place; more than one where tasks run side by side
        if console.is_terminal():
            from flowgate.cli.spinner import Spinner

            self._spinner = Spinner(console.paint)

    def emit(self, event: Event) -> None:
        """Tell that a task has begun, or how it ended."""
        if not isinstance(event, Outcome):
            self._running.append((event.task, event.place))
            self._wait()
            return
        self.pause()
        console.print_outcome(event)
        if self._diff and event.diff:
            from flowgate.cli.diff import show_diff

            show_diff(event)
        if (event.task, event.place) in self._running:
            self._running.remove((event.task, event.place))
        self._wait()

    def _wait(self) -> None:
        """Show what runs now, if anything."""
        if self._spinner and self._running:
            self._spinner.begin(" · ".join(task for task, _ in self._running))

    def doing(self, summary: str) -> None:
        """Tell what a step is about to do: that is what is waited for."""
        if self._spinner and len(self._running) == 1:
            self._spinner.about(summary)

    def set_activity(self, words: str) -> None:
        """Tell how far a long step is."""
        if self._spinner:
            self._spinner.about(words)

    def pause(self) -> None:
        """Stop showing that something is waited for: somebody else needs the line."""
        if self._spinner:
            self._spinner.pause()

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Show how far a transfer is, instead of the spinner."""
        self.pause()
        console.progress(name, done, total)

    def listen(self, seconds: float) -> str:
        """Wait for a line that somebody types; nothing is painted over it."""
        self.pause()
        return terminal.read_line(seconds)

    def clock(self, clock: Clock) -> Clock:
        """Give a clock whose waits are told: the engine waits between tries and between the items of a loop."""
        spinner = self._spinner
        if spinner is None:
            return clock

        def sleep(seconds: float) -> None:
            spinner.about(f"waits {seconds:g} s before it goes on")
            clock.sleep(seconds)

        return clock._replace(sleep=sleep)
