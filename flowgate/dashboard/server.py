"""Serve the dashboard until Ctrl-C, until it is stopped on its page, or until nobody has looked for a while."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import uvicorn

from flowgate.dashboard.access import Access
from flowgate.dashboard.app import Dashboard
from flowgate.dashboard.data import Sources
from flowgate.dashboard.pages import Pages
from flowgate.system.clock import Clock

LONGEST_SHUTDOWN = 2  # seconds; open pages wait for events
TICKS_PER_LOOK = 10  # uvicorn ticks every 0.1 s


class DashboardServer(uvicorn.Server):
    """A uvicorn server that leaves when no request has come for some time."""

    def __init__(self, sources: Sources, access: Access, idle_seconds: float, clock: Clock | None = None) -> None:
        self._clock, self._idle_seconds = clock or Clock(), idle_seconds
        self._last = self._clock.now()
        self.was_idle = False
        app = Dashboard(Pages(sources, self._clock), access, self.stop, self.note_request).app()
        super().__init__(_settings(app))

    def note_request(self) -> None:
        """Note that somebody looks."""
        self._last = self._clock.now()

    def stop(self) -> None:
        """Leave after the requests in progress."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Leave when nobody has looked for some time."""
        if counter % TICKS_PER_LOOK == 0 and self._clock.now() - self._last > self._idle_seconds:
            self.was_idle = self.should_exit = True
        return bool(await super().on_tick(counter))


def serve(listener: socket.socket, server: DashboardServer, on_ready: Callable[[], None]) -> None:
    """Serve until the end.

    Args:
        listener: Listens on loopback.
        server: The server.
        on_ready: Is called before the first request is accepted; the kernel already queues connections.
    """
    on_ready()
    asyncio.run(server.serve(sockets=[listener]))


def _settings(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,  # no access log: the link has the token
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=LONGEST_SHUTDOWN,
    )
