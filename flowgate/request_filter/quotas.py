"""How much each client asks: requests in the last minute, and in progress; counted by one worker alone."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from flowgate.domain.client_keys import Limits

MINUTE = 60.0
PARALLEL_SECONDS = 1  # after which a client with too many requests in progress is told to try again
Exceeded = Literal["too_many", "too_many_parallel"]


class Quotas:
    """The requests of each client, by its name: they outlive a new key and new limits.

    Args:
        now: Monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._recent: dict[str, deque[float]] = {}
        self._in_progress: dict[str, int] = {}

    def in_progress(self, name: str) -> int:
        """Return the number of a client's requests in progress.

        Args:
            name: The client.
        """
        return self._in_progress.get(name, 0)

    def enter(self, name: str, limits: Limits) -> tuple[Exceeded, int] | None:
        """Count a request that begins; return which limit it exceeds, and after how many seconds to try again.

        A request that exceeds one is not counted.

        Args:
            name: The client.
            limits: What it may do.
        """
        if limits.max_parallel is not None and self.in_progress(name) >= limits.max_parallel:
            return "too_many_parallel", PARALLEL_SECONDS
        if limits.requests_per_minute is not None and (wait := self._wait(name, limits.requests_per_minute)):
            return "too_many", wait
        self._in_progress[name] = self.in_progress(name) + 1
        return None

    def leave(self, name: str) -> None:
        """Count a request that has ended.

        Args:
            name: The client.
        """
        left = self.in_progress(name) - 1
        if left > 0:
            self._in_progress[name] = left
        else:
            self._in_progress.pop(name, None)

    def _wait(self, name: str, most: int) -> int:
        """Count a request of this minute; return the seconds until it would be allowed instead, if it is not."""
        now, recent = self._now(), self._recent.setdefault(name, deque())
        while recent and recent[0] <= now - MINUTE:
            recent.popleft()
        if len(recent) >= most:
            return max(1, math.ceil(recent[len(recent) - most] + MINUTE - now))
        recent.append(now)
        return 0
