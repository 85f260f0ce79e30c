"""The HTTP server and the tasks beside it: reload of the config, scan of the auth folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Generator

import uvicorn
from starlette.types import ASGIApp

from flowgate.embedded_upstream.config_file import hash_secret
from flowgate.embedded_upstream.config_watcher import ConfigWatcher
from flowgate.embedded_upstream.faulty_vendors import FaultyVendors
from flowgate.embedded_upstream.middleware import Middleware
from flowgate.embedded_upstream.settings import Settings
from flowgate.embedded_upstream.state import State

SCAN_SECONDS = 0.1
STOP_GRACE_SECONDS = 30.0  # counted from the start of the program, as in the real one


class Server(uvicorn.Server):
    """A server that stops as the real program does.

    The real program's grace period runs from its start: once it has run longer, a stop cuts requests in progress.
    """

    def __init__(self, middleware: Middleware, vendors: FaultyVendors | None, fail: Callable[[str], None]) -> None:
        """Configure the server.

        Args:
            middleware: The application.
            vendors: Vendors whose waits a stop must end.
            fail: Logs an error.
        """
        config = uvicorn.Config(
            middleware, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False
        )
        super().__init__(config)
        self.middleware, self.vendors, self.fail = middleware, vendors, fail
        self.began = time.monotonic()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        left = self.began + STOP_GRACE_SECONDS - time.monotonic()
        if left <= 0:
            self._cut()
        asyncio.get_running_loop().call_later(left, self._cut)
        self.should_exit = True
        if self.vendors:
            self.vendors.stopping.set()

    def _cut(self) -> None:
        if self.middleware.in_progress:
            self.fail("failed to shutdown HTTP server: context deadline exceeded")
        os._exit(0)


async def serve(
    app: ASGIApp, state: State, vendors: FaultyVendors | None, listener: socket.socket, log: Callable[..., None]
) -> None:
    """Serve until a signal arrives.

    Args:
        app: The application.
        state: The shared state.
        vendors: Vendors that fail on request, if the application has them.
        listener: The bound socket.
        log: Writes a line with a level and a source line.
    """

    def use(settings: Settings) -> None:
        state.settings = settings
        state.settings = hash_secret(state.config, settings)

    async def scan() -> None:
        while True:
            state.accounts.scan()
            await asyncio.sleep(SCAN_SECONDS)

    def fail(text: str) -> None:
        log(text, "error", "service.go:560")

    tasks = [asyncio.create_task(ConfigWatcher(state.config, use, log).watch()), asyncio.create_task(scan())]
    await Server(Middleware(app, state.log), vendors, fail).serve(sockets=[listener])
    for task in tasks:
        task.cancel()
