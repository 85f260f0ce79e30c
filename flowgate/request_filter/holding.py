"""Hold new requests while a service that they need restarts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

RESTARTING = "a service that the gateway needs is restarting; try again"
RESTARTING_SECONDS = 1


class Holding:
    """Whether new requests of a worker are held."""

    def __init__(self) -> None:
        self._released: asyncio.Event | None = None
        self._seconds = 0.0

    @property
    def is_on(self) -> bool:
        """Return whether new requests are held."""
        return self._released is not None

    def hold(self, seconds: float) -> None:
        """Hold new requests to the public port; requests in progress continue.

        Args:
            seconds: How long each request waits before it gets status 503.
        """
        self._seconds = seconds
        self._released = self._released or asyncio.Event()

    def release(self) -> None:
        """Let the held requests continue."""
        if self._released is not None:
            self._released.set()
            self._released = None

    async def wait(self, scope: Scope, public_port: int) -> bool:
        """Wait until requests are released; return False when that took too long.

        Args:
            scope: The request.
            public_port: The port whose requests are held.
        """
        server = scope.get("server") or (None, 0)
        until = time.monotonic() + self._seconds
        while self._released is not None and server[1] == public_port:
            try:
                await asyncio.wait_for(self._released.wait(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                return False
        return True
