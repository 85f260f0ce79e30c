"""What a person sees while a playbook runs: one line for each task; on a terminal also what is running."""

from __future__ import annotations

from _thread import RLock  # what `threading` exports, without its import: most commands have one thread
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.escapes import escaped
from flowgate.domain import Outcome
from flowgate.playbook.run_options import Event
from flowgate.system import terminal
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import TaskID


class RunProgress:
    """Prints the result of each task and, on a terminal, shows what is running.

    Args:
        diff: Print the lines that differ in files.
    """

    def __init__(self, diff: bool) -> None:
        self._diff = diff
        self._display = Display() if console.is_terminal() else None

    def emit(self, event: Event) -> None:
        """Show that a task has started, or print how it ended."""
        if not isinstance(event, Outcome):
            if self._display:
                self._display.begin(event.task, event.place)
            return
        if self._display:
            self._display.end(event.task, event.place)
        with self._paused():
            console.print_outcome(event)
            if self._diff and event.diff:
                from flowgate.cli.diff import show_diff

                show_diff(event)

    def note(self, text: str) -> None:
        """Print a message above what is running."""
        with self._paused():
            console.note(text)

    def set_activity(self, activity: str) -> None:
        """Show what the running task does; where several run, it is not known which."""
        if self._display:
            self._display.describe(activity)

    def progress(self, name: str, done: int, total: int | None) -> None:
        """Show how far a download is.

        Args:
            name: What is downloaded.
            done: Bytes so far.
            total: Bytes in all; None if not known.
        """
        if self._display:
            self._display.download(name, done, total)

    def read_line(self, seconds: float) -> str:
        """Wait up to `seconds` for a typed line; return it, empty if none came."""
        with self._paused():
            return terminal.read_line(seconds)

    def pause(self) -> None:
        """Remove what is running from the terminal."""
        if self._display:
            self._display.hide()

    def clock(self, clock: Clock) -> Clock:
        """Return a clock that shows its sleeps: the executor sleeps between retries and items of a loop."""

        def sleep(seconds: float) -> None:
            self.set_activity(f"waiting {seconds:g} s before the next try")
            clock.sleep(seconds)

        return clock._replace(sleep=sleep) if self._display else clock

    @contextmanager
    def _paused(self) -> Iterator[None]:
        if self._display is None:
            yield
            return
        with self._display.lock:
            self._display.hide()
            yield
            self._display.show()


class Display:
    """Lines at the bottom of the terminal: a spinner for each running task, a bar for each download.

    `show` and `hide` may be called in any order and from any thread.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self.lock = RLock()
        self._console = Console(stderr=True)
        one_line = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        name = TextColumn("{task.description}", markup=False, table_column=one_line)
        self._tasks = Progress(SpinnerColumn(), TimeElapsedColumn(), name, console=self._console, expand=True)
        plain = TextColumn("{task.description}", markup=False)
        self._downloads = Progress(plain, BarColumn(), DownloadColumn(), console=self._console)
        self._running: list[tuple[str, str, TaskID]] = []  # task and place; parallel tasks may share both
        self._live: Live | None = None

    def begin(self, task: str, place: str) -> None:
        """Add a running task."""
        with self.lock:
            self._running.append((task, place, self._tasks.add_task(escaped(task), total=None)))
            self.show()

    def end(self, task: str, place: str) -> None:
        """Remove a task that has ended, and the downloads when no other runs."""
        with self.lock:
            for one in [one for one in self._running if one[:2] == (task, place)][:1]:  # a skipped task never began
                self._running.remove(one)
                self._tasks.remove_task(one[2])
            for download in self._downloads.task_ids if not self._running else ():
                self._downloads.remove_task(download)

    def describe(self, activity: str) -> None:
        """Show what the only running task does."""
        with self.lock:
            if len(self._running) == 1:
                task, _, number = self._running[0]
                self._tasks.update(number, description=escaped(f"{task}: {activity}"))

    def download(self, name: str, done: int, total: int | None) -> None:
        """Show how many bytes of a download have arrived; total is None if it is not known."""
        with self.lock:
            numbers = [one.id for one in self._downloads.tasks if one.description == name]
            number = numbers[0] if numbers else self._downloads.add_task(name, total=total)
            self._downloads.update(number, completed=done, total=total)

    def show(self) -> None:
        """Start drawing if a task runs."""
        from rich.console import Group
        from rich.live import Live

        with self.lock:
            if self._running and self._live is None:
                # A new Live each time: one that is started again erases the lines printed since (rich 13.9.4).
                lines = Group(self._tasks, self._downloads)
                self._live = Live(
                    lines, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
                )
                self._live.start(refresh=True)

    def hide(self) -> None:
        """Stop drawing and erase the lines."""
        with self.lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
