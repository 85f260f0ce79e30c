"""A spinner: shows that something is still being waited for, what, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flowgate.system.clock import Clock

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
EVERY = 0.1  # seconds between two pictures
PATIENCE = 0.5  # seconds before the time is shown: most tasks are over by then


class Spinner:
    """Paints one line again and again from a thread of its own, from `begin` to `rest`.

    Attributes:
        paint: Shows a line in the place of the one before.
    """

    def __init__(self, paint: Callable[[str], None], clock: Clock = Clock()) -> None:  # noqa: B008  frozen
        self._paint, self._clock = paint, clock
        self._task, self._about, self._since = "", "", 0.0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, task: str) -> None:
        """Show a task at once; its time, and that it goes on, when it takes long."""
        self.pause()
        self._task, self._about, self._since = task, "", self._clock.now()
        self._paint(f"… {task}")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._turn, args=(self._over,), daemon=True)
        self._thread.start()

    def about(self, what: str) -> None:
        """Say what is being waited for."""
        self._about = what

    def pause(self) -> None:
        """Stop painting; when this returns nothing more will be painted."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def picture(self, count: int) -> str:
        """Give the line as it looks now; count: how many pictures came before."""
        about = f": {self._about}" if self._about else ""
        seconds = self._clock.now() - self._since
        return f"{FRAMES[count % len(FRAMES)]} {seconds:.0f} s  {self._task}{about}"

    def _turn(self, over: threading.Event) -> None:
        count = 0
        wait = PATIENCE
        while not over.wait(wait):
            self._paint(self.picture(count))
            count, wait = count + 1, EVERY
