"""Serve the dashboard until Ctrl-C, until it is stopped on its page, or until nobody has looked for a while."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator
from functools import partial

import uvicorn

from flowgate.dashboard.access import Access
from flowgate.dashboard.app import Dashboard
from flowgate.dashboard.data import Sources
from flowgate.dashboard.pages import Pages
from flowgate.system.clock import Clock

LONGEST_SHUTDOWN = 2  # seconds; open pages wait for events
STOPPING = {signal.SIGTERM: "", signal.SIGINT: "interrupted"}
TICKS_PER_LOOK = 10  # uvicorn ticks every 0.1 s


class DashboardServer(uvicorn.Server):
    """A uvicorn server that leaves when no request has come for some time.

    Attributes:
        ended_by: Why it left: idle, page, interrupted; empty: SIGTERM, or it serves.
    """

    def __init__(self, sources: Sources, access: Access, idle_seconds: float, clock: Clock | None = None) -> None:
        self._clock, self._idle_seconds = clock or Clock(), idle_seconds
        self._last = self._clock.now()
        self.ended_by = ""
        stop = partial(self.stop, "page")
        app = Dashboard(Pages(sources, self._clock), access, stop, self.note_request).app()
        super().__init__(_settings(app))

    def note_request(self) -> None:
        """Note that somebody looks."""
        self._last = self._clock.now()

    def stop(self, why: str) -> None:
        """Leave after the requests in progress.

        Args:
            why: As in `ended_by`.
        """
        self.ended_by, self.should_exit = why, True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave in order on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number, why in STOPPING.items():
            loop.add_signal_handler(number, self.stop, why)
        yield

    async def on_tick(self, counter: int) -> bool:
        """Leave when nobody has looked for some time."""
        if counter % TICKS_PER_LOOK == 0 and self._clock.now() - self._last > self._idle_seconds:
            self.stop("idle")
        return bool(await super().on_tick(counter))


def serve(listener: socket.socket, server: DashboardServer) -> None:
    """Serve until the end.

    Args:
        listener: Listens on loopback.
        server: The server.
    """
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
