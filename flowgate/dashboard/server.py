"""Serve the dashboard until it is stopped, or until nobody has looked for a while."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Generator

import uvicorn

from flowgate.dashboard import control
from flowgate.dashboard.access import Access
from flowgate.dashboard.app import Dashboard
from flowgate.dashboard.data import Sources
from flowgate.system.clock import Clock

LONGEST_SHUTDOWN = 2  # seconds; open pages wait for events
STOPPING = (signal.SIGTERM, signal.SIGINT)
TICKS_PER_LOOK = 10  # uvicorn ticks every 0.1 s


class DashboardServer(uvicorn.Server):
    """A uvicorn server that hands out links, and leaves when no request has come for some time.

    Args:
        sources: Where the pages get their data.
        access: Who may see them.
        idle_seconds: After how long without a request it leaves.
        leave: Has the supervisor stop it; returns False if there is none, so that it has to stop itself.
    """

    def __init__(
        self,
        sources: Sources,
        access: Access,
        idle_seconds: float,
        leave: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        self._clock, self._idle_seconds, self._leave = clock or Clock(), idle_seconds, leave
        self._last, self._access, self._leaving = self._clock.now(), access, False
        self._stop_soon: asyncio.Task[None] | None = None
        app = Dashboard(sources, self._clock, access, self.stop, self.note_request).app()
        super().__init__(_settings(app))

    def note_request(self) -> None:
        """Note that somebody looks."""
        self._last = self._clock.now()

    def _new_link(self) -> str:
        self.note_request()
        return self._access.new_link()

    def stop(self) -> None:
        """Leave after the requests in progress; the supervisor, if there is one, takes note of it."""
        if not self._leaving:
            self._leaving = True
            self._stop_soon = asyncio.get_running_loop().create_task(self._hand_over())

    async def _hand_over(self) -> None:
        """Ask the supervisor, in a thread that ends with the process: it answers when this process has gone."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()

        def give(left: bool) -> None:
            if not answer.done():
                answer.set_result(left)

        def ask() -> None:
            left = self._leave()
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(give, left)

        threading.Thread(target=ask, name="leave", daemon=True).start()
        if not await answer:
            self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave in order on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, setattr, self, "should_exit", True)
        yield

    async def on_tick(self, counter: int) -> bool:
        """Leave when nobody has looked for some time."""
        if counter % TICKS_PER_LOOK == 0 and self._clock.now() - self._last > self._idle_seconds:
            self.stop()
        return bool(await super().on_tick(counter))

    async def run_on(self, listener: socket.socket, links: socket.socket) -> None:
        """Serve until the end.

        Args:
            listener: Listens on loopback.
            links: Listens for commands that want a link.
        """
        handing_out = await control.hand_out_links(links, self._new_link)
        try:
            await self.serve(sockets=[listener])
        finally:
            handing_out.close()


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
