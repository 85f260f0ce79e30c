"""Ctrl-C and SIGTERM, noted while a command ends its work in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
KILLED = 128  # a shell adds it to the number of a signal


class Interruption:
    """Whether a command was asked to end.

    Attributes:
        code: The exit code for it: 130 after Ctrl-C, 143 after SIGTERM; 0 if it was not asked.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]) -> None:
        """Create it.

        Args:
            on_first: Is called once, in a thread of its own.
            on_second: Is called for each further signal, at once.
        """
        self.code = 0
        self._on_second = on_second
        self._thread = threading.Thread(target=on_first, daemon=True)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note signals during the body, and wait at its end for what `on_first` does. One that is ignored stays so."""
        if threading.current_thread() is not threading.main_thread():  # only the main one gets signals
            yield
            return
        noted = {number: signal.getsignal(number) for number in SIGNALS}
        for number, before in noted.items():
            if before is not signal.SIG_IGN:
                signal.signal(number, self._note)
        try:
            yield
            if self.code:
                self._thread.join()
        finally:
            for number, before in noted.items():
                signal.signal(number, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.code:
            self._on_second()
            return
        self.code = KILLED + number
        self._thread.start()
