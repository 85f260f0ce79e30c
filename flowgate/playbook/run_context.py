"""What the executor needs of the clock and of the context that it passes to steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class RunClock(Protocol):
    """A clock that measures durations and waits."""

    @property
    def now(self) -> Callable[[], float]:
        """Return a function that returns seconds on a monotonic clock."""

    @property
    def sleep(self) -> Callable[[float], object]:
        """Return a function that waits for a number of seconds."""


class RunContext(Protocol):
    """The context that steps receive."""

    @property
    def clock(self) -> RunClock:
        """Return the clock."""

    def read_only(self) -> Any:
        """Return the same context, unable to change anything."""
