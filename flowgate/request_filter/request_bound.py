"""A bound on the requests that ask a model at the same time: above it, an orderly 503 before the app is asked.

A machine that has too much to do answers late, runs out of files, and blames the models for it. A request that finds
no place waits for a moment; a client that sends one after another so gets the next place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from flowgate.domain.request_limits import RequestLimit
from flowgate.request_filter import paths
from flowgate.request_filter.dialects import Response, error_response
from flowgate.request_filter.path_lists import Paths
from flowgate.request_filter.places import Places
from flowgate.request_filter.recent import READING

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.domain.request_rules import RequestRules
    from flowgate.request_filter.rules import FilterRules

WAIT_SECONDS = 0.1
LOOK_SECONDS = 0.02  # how often the first one in the queue looks whether another worker has a place
MOST_WAITING = 64
RETRY_AFTER_SECONDS = 1
UNBOUNDED = RequestLimit(2**31, 2**31, "")


class RequestBound:
    """The bound of one worker.

    Attributes:
        limit: How many requests may be in progress.
        refused: How many have been refused.
    """

    def __init__(self, places: Places | None = None) -> None:
        """Create it without a limit.

        Args:
            places: What is in progress; counted by this worker alone if None.
        """
        self.limit, self.refused = UNBOUNDED, 0
        self._places = places or Places()
        self._waiting: deque[asyncio.Event] = deque()
        self._paths = Paths(())
        self._rules: RequestRules | None = None

    def counts(self, scope: Scope, rules: FilterRules) -> bool:
        """Return whether a request needs a place: one that asks a model, through the public port.

        Args:
            scope: An HTTP or websocket scope with the path that the client means.
            rules: The rules in force.
        """
        if (scope.get("server") or (None, 0))[1] != rules.public_port or scope.get("method", "") in READING:
            return False
        if scope["type"] == "websocket" or paths.asked(scope["path"]) is not None:
            return True
        if rules.requests is not self._rules:
            self._rules = rules.requests
            self._paths = Paths((*rules.requests.client_paths, *rules.requests.unchecked_paths))
        return scope["path"] in self._paths

    async def enter(self) -> bool:
        """Take a place, wait for one for a moment, or return False."""
        if not self._waiting and self._take():
            return True
        if len(self._waiting) < MOST_WAITING and await self._wait():
            return True
        self.refused += 1
        return False

    def leave(self) -> None:
        """Give a place back."""
        self._places.leave()
        self._call_first()

    def refusal(self, scope: Scope) -> Response:
        """Return the response to a request without a place.

        Args:
            scope: The request.
        """
        most = min(self.limit.generation, self.limit.worker)
        message = f"the gateway serves {most:,} requests at once, and all places are taken; try again"
        message += f" in {RETRY_AFTER_SECONDS} s (max_requests)"
        after = [(b"retry-after", str(RETRY_AFTER_SECONDS).encode())]
        return error_response(scope["path"], scope["headers"], 503, "overloaded", message, after)

    def _take(self) -> bool:
        return self._places.own < self.limit.worker and self._places.take(self.limit.generation)

    async def _wait(self) -> bool:
        """Wait in the queue; only the first one in it may take a place."""
        loop, turn = asyncio.get_running_loop(), asyncio.Event()
        until = loop.time() + WAIT_SECONDS
        self._waiting.append(turn)
        try:
            while (now := loop.time()) < until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(min(until, now + LOOK_SECONDS)):
                        await turn.wait()
                turn.clear()
                if self._waiting[0] is turn and self._take():
                    return True
            return False
        finally:
            self._waiting.remove(turn)
            self._call_first()

    def _call_first(self) -> None:
        if self._waiting:
            self._waiting[0].set()
