"""The terminal as a screen that is drawn again and again, and keys that are read without Enter.

The terminal is restored however the command ends, except by SIGKILL; also while it is stopped by Ctrl-Z.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from flowgate.system import streams

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J", "\x1b[?25h\x1b[?1049l"
HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
READ_BYTES = 64


def can_draw() -> bool:
    """Return whether stdout is a terminal that can move its cursor."""
    return streams.output_is_terminal() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


class Screen:
    """The terminal of this command.

    Args:
        write: Writes a text to it.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._keys: int | None = None
        self._before: list[object] = []
        self._handlers: dict[int, object] = {}
        self._woken, self._waker = -1, -1
        self._former_waker = -1

    def __enter__(self) -> Screen:
        """Take the terminal."""
        self._woken, self._waker = os.pipe()
        for descriptor in (self._woken, self._waker):
            os.set_blocking(descriptor, False)
        if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
            self._keys = sys.stdin.fileno()
        for number in (*ENDING, signal.SIGTSTP, signal.SIGWINCH):
            handler = self._end if number in ENDING else self._pause if number == signal.SIGTSTP else self._note
            self._handlers[number] = signal.signal(number, handler)
        self._former_waker = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back."""
        self._give_back()
        signal.set_wakeup_fd(self._former_waker)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._woken)
        os.close(self._waker)

    def size(self) -> tuple[int, int]:
        """Return its columns and rows."""
        found = shutil.get_terminal_size()
        return found.columns, found.lines

    def draw(self, lines: list[str]) -> None:
        """Show lines in place of those before; what does not fit must have been cut.

        Args:
            lines: The lines, with their colours.
        """
        body = f"{REST_OF_LINE}\n".join(lines)
        self._write(f"{HOME}{body}{REST_OF_LINE}{REST_OF_SCREEN}")

    def wake(self) -> None:
        """End the wait, from another thread."""
        with suppress(OSError):  # a full pipe wakes it too; a closed one needs no waking
            os.write(self._waker, b"\0")

    def wait(self, seconds: float) -> str | None:
        """Wait for a key, a new size or `wake`.

        Args:
            seconds: How long at most.

        Returns:
            The keys that were pressed; empty if none; None if the terminal has gone.
        """
        watched = [self._woken] + ([self._keys] if self._keys is not None else [])
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._woken in ready:
            with suppress(BlockingIOError):
                os.read(self._woken, READ_BYTES)
        if self._keys not in ready or self._keys is None:
            return ""
        try:
            typed = os.read(self._keys, READ_BYTES)
        except OSError:
            return None
        return typed.decode("ascii", "replace") if typed else None

    def _take(self) -> None:
        if self._keys is not None:
            self._before = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._write(ENTER)

    def _give_back(self) -> None:
        self._write(LEAVE)
        if self._keys is not None:
            with suppress(termios.error, OSError):  # the terminal has gone
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]

    def _end(self, number: int, _: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _pause(self, number: int, _: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._pause)  # it was continued
        self._take()

    def _note(self, *_: object) -> None:
        """Let the wait end; the signal has written into the pipe."""
