"""The uvicorn server of a worker: it serves one app on two listeners and reports to the supervisor.

Imported only in the process that serves: nobody else needs uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Generator
from dataclasses import replace

import uvicorn

from flowgate.request_filter.filter import RequestFilter
from flowgate.supervisor.program_tree import ProgramTree
from flowgate.supervisor.protocol import WorkerCommand, WorkerEvent, encode
from flowgate.supervisor.worker_control import ControlConnection

IDLE_SECONDS = 0.75  # a draining server closes a connection that is unused for so long
SETTLE_SECONDS = 0.05  # from the last accepted connection until the listener is closed
OVERDUE_SECONDS = 5.0  # a draining server waits so long beyond its drain timeout for the supervisor's `cut`


class WorkerServer(uvicorn.Server):
    """A uvicorn server with a private listener, a shared public listener and a control socket.

    Attributes:
        state: starting, ready, serving, draining or failed.
        program: What the supervisor sent with `set_program`; returned to a later supervisor, with its secrets.
    """

    def __init__(
        self, config: uvicorn.Config, request_filter: RequestFilter, control: socket.socket, public: socket.socket
    ) -> None:
        super().__init__(config)
        self.filter, self.control, self.public = request_filter, control, public
        self.state = "starting"
        self.program: ProgramTree | None = None
        self.supervisors: set[ControlConnection] = set()
        self._public_server: asyncio.base_events.Server | None = None
        self._opening = asyncio.Lock()
        self._closing = False
        self._holds = 0
        self._idle_since: dict[object, float] = {}

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Exit in order on SIGTERM and SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then report that it is ready."""
        await asyncio.get_running_loop().create_unix_server(lambda: ControlConnection(self), sock=self.control)
        await super().startup(sockets=sockets)
        self.state = "ready"
        self.report({"event": "ready"})

    async def obey(self, command: WorkerCommand) -> None:
        """Carry out a command of the supervisor; unknown ones are ignored."""
        match command["do"]:
            case "open":
                await self._open()
            case "drain":
                self._drain(command.get("seconds"))
            case "cut":
                self._cut()
            case "leave":
                self.leave()
            case "hold":
                self._hold(float(command.get("seconds") or 0.0), float(command.get("limit") or 0.0))
            case "release":
                self._release(self._holds)
            case "set_program":
                self.program = command["program"]
                prefixes = tuple(self.program["recorded_headers"])
                self.filter.rules = replace(self.filter.rules, recorded_headers=prefixes)

    def report(self, event: WorkerEvent) -> None:
        """Send an event to every connected supervisor."""
        for supervisor in self.supervisors:
            supervisor.send(event)

    def hand_over_program(self, supervisor: ControlConnection) -> None:
        """Send a new supervisor the program, the state and the public listener."""
        message = encode({"event": "program", "state": self.state, "program": self.program})
        supervisor.send_descriptor(message, self.public.fileno() if self.state in ("ready", "serving") else -1)

    # --- holding

    def _hold(self, seconds: float, limit: float) -> None:
        self.filter.hold(seconds)
        self._report_count()
        self._holds += 1
        asyncio.get_running_loop().call_later(limit, self._release, self._holds)

    def _release(self, hold: int) -> None:
        """End a hold; the timer of an earlier hold does not end a later one."""
        if hold == self._holds:
            self.filter.release()

    def _report_count(self) -> None:
        connections, oldest = len(self.server_state.connections), round(self.filter.oldest_seconds(), 1)
        self.report({"event": "count", "open": connections, "busy": self.filter.in_progress, "oldest": oldest})

    # --- the public listener

    async def _open(self) -> None:
        async with self._opening:  # two commands at once would create two servers on one socket
            if self._public_server is None and self.state == "ready":
                self._public_server = await asyncio.get_running_loop().create_server(
                    self._create_protocol, sock=self.public, backlog=self.config.backlog
                )
                self.servers.append(self._public_server)
                self.state = "serving"
        self.report({"event": "opened"})

    def _create_protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def _drain(self, seconds: float | None) -> None:
        """Accept no more connections, finish the requests in progress, then exit.

        Args:
            seconds: When to cut; the supervisor sends `cut` too, but it may be gone by then.
        """
        self.filter.draining = True
        loop = asyncio.get_running_loop()
        if self._public_server is not None and not self._closing:
            self._closing = True
            loop.remove_reader(self.public.fileno())
            loop.call_later(SETTLE_SECONDS, self._close_public)
        self.state = "draining"
        self.report({"event": "draining"})
        if seconds is not None:
            loop.call_later(seconds + OVERDUE_SECONDS, self._cut)

    def _close_public(self) -> None:
        """Close the public server once each accepted socket has become a connection.

        Source: asyncio (3.11 to 3.13) accepts in one turn of its loop and creates the connection in a later one; a
        server that is closed in between drops the socket, and the client is reset.
        """
        if self._public_server is not None:
            self._public_server.close()
            self.servers.remove(self._public_server)
            self._public_server = None

    # --- the end

    def leave(self) -> None:
        """Exit after the requests in progress, within uvicorn's shutdown timeout."""
        self.filter.draining = True
        self.should_exit = True

    def _cut(self) -> None:
        """Exit now and cancel the requests in progress."""
        self.config.timeout_graceful_shutdown = 0
        self.leave()

    def _close_idle_connections(self) -> None:
        """Close the kept connections that have been unused for a moment.

        Not at once: a client that is just sending its next request would find the connection cut. Its response carries
        `Connection: close` instead.
        """
        now = asyncio.get_running_loop().time()
        idle = [connection for connection in self.server_state.connections if _is_idle(connection)]
        self._idle_since = {connection: self._idle_since.get(connection, now) for connection in idle}
        for connection in idle:
            if now - self._idle_since[connection] >= IDLE_SECONDS:
                connection.transport.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down, and report how many requests were cancelled."""
        await super().shutdown(sockets)
        if cut := self.filter.cut:
            self.report(
                {"event": "cut", "reason": f"{cut} request{'s' if cut > 1 else ''} in progress cut", "cut": cut}
            )

    async def on_tick(self, counter: int) -> bool:
        """Do the regular work of a draining or holding server; uvicorn calls this every 0.1 s."""
        if self.state == "draining":
            self._close_idle_connections()
            if not self.server_state.connections and self._public_server is None:
                self.leave()
        if self.filter.is_holding or (counter % 10 == 0 and self.state == "draining"):
            self._report_count()
        return bool(await super().on_tick(counter))


def _is_idle(connection: object) -> bool:
    """Return whether a connection carries no request; a websocket always carries one."""
    cycle = getattr(connection, "cycle", connection)
    return cycle is None or bool(getattr(cycle, "response_complete", False))
