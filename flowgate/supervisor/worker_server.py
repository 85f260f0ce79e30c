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
from pathlib import Path

import uvicorn

from flowgate.domain.request_limits import request_limit
from flowgate.request_filter.filter import RequestFilter
from flowgate.supervisor import kept_requests, recording
from flowgate.supervisor.connections import IdleConnections, PublicListener, close_all, most_connections
from flowgate.supervisor.hooks import run_hook
from flowgate.supervisor.load_board import LoadBoard
from flowgate.supervisor.program_tree import ProgramTree
from flowgate.supervisor.protocol import WorkerCommand, WorkerEvent, encode
from flowgate.supervisor.request_rules_tree import request_rules_from_tree
from flowgate.supervisor.slow_connections import SlowConnections
from flowgate.supervisor.worker_control import ControlConnection
from flowgate.system import memory, open_files

IDLE_SECONDS = 0.75  # a draining server closes a connection that is unused for so long
OVERDUE_SECONDS = 5.0  # a draining server waits so long beyond its drain timeout for the supervisor's `cut`


class WorkerServer(uvicorn.Server):
    """A uvicorn server with a private listener, a shared public listener and a control socket.

    Attributes:
        state: starting, ready, serving, draining or failed.
        program: What the supervisor sent with `set_program`; returned to a later supervisor, with its secrets.
        ledger: Records the requests; None if they are not recorded.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        request_filter: RequestFilter,
        control: socket.socket,
        public: socket.socket,
        board: LoadBoard | None = None,
    ) -> None:
        super().__init__(config)
        self._board = board
        self.filter, self.control, self.public = request_filter, control, public
        self.state = "starting"
        self.program: ProgramTree | None = None
        self.ledger: recording.Ledger | None = None
        self.supervisors: set[ControlConnection] = set()
        self._listener: PublicListener | None = None
        self._holds = 0
        self._idle, self._slow = IdleConnections(), SlowConnections()

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
                self._open()
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
                self._set_program(command["program"])
            case "upstreams":
                for name in self.filter.upstreams.note(command["down"], command["restarting"]):
                    run_hook(self.program, "upstream_changed", self.filter.upstreams, name)

    def _set_program(self, program: ProgramTree) -> None:
        self.program = program
        self.filter.upstreams.set_addresses(program.get("needed_addresses") or {})
        missing = run_hook(program, "set_up", self.filter.upstreams)
        self.filter.rules = replace(
            self.filter.rules,
            recorded_headers=tuple(program["recorded_headers"]),
            tracks_attempts=missing is not None and "attempts" not in missing,
            requests=request_rules_from_tree(program.get("request_rules")),
        )
        given, workers = self.filter.rules.requests.max_requests, program.get("workers", 1)
        self.filter.bound.limit = request_limit(given, workers, open_files.limit(), memory.total_bytes())
        if self.ledger is None:  # a later supervisor sends the same program again
            self.ledger = self.filter.recorder = recording.start(program, int(self.filter.rules.generation))

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
        self.filter.holding.hold(seconds)
        self._report_count()
        self._holds += 1
        asyncio.get_running_loop().call_later(limit, self._release, self._holds)

    def _release(self, hold: int) -> None:
        """End a hold; the timer of an earlier hold does not end a later one."""
        if hold == self._holds:
            self.filter.holding.release()

    def _report_count(self) -> None:
        connections, oldest = len(self.server_state.connections), round(self.filter.oldest_seconds(), 1)
        self.report({"event": "count", "open": connections, "busy": self.filter.in_progress, "oldest": oldest})

    # --- the public listener

    def _open(self) -> None:
        if self._listener is None and self.state == "ready":
            most = most_connections(open_files.limit())
            connections = self.server_state.connections
            self._listener = PublicListener(self.public, self._create_protocol, connections, most, self._board)
            self._listener.open()
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
        if self._listener is not None:
            self._listener.close()
        if self.state != "draining":
            self._idle = IdleConnections(asyncio.get_running_loop().time())
        self.state = "draining"
        self.report({"event": "draining"})
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds + OVERDUE_SECONDS, self._cut)

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
        self._idle.update(self.server_state.connections, now)
        close_all(self._idle.since(now, IDLE_SECONDS))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down, keep the last requests after a drain, and report how many requests were cancelled."""
        if self._listener is not None:
            self._listener.close()
        await super().shutdown(sockets)
        if self.state == "draining":
            control = Path(self.control.getsockname())
            kept_requests.keep(control, self.filter.recent.rows(), self.filter.refusals.rows())
        if self.ledger is not None:
            await asyncio.to_thread(self.ledger.close, recording.CLOSE_SECONDS)
        if cut := self.filter.cut:
            self.report(
                {"event": "cut", "reason": f"{cut} request{'s' if cut > 1 else ''} in progress cut", "cut": cut}
            )

    async def on_tick(self, counter: int) -> bool:
        """Do the regular work of a draining or holding server; uvicorn calls this every 0.1 s."""
        if counter % 10 == 0:
            self._slow.end(self.server_state.connections, asyncio.get_running_loop().time())
        if self.state == "draining":
            self._close_idle_connections()
            if not self.server_state.connections and (self._listener is None or not self._listener.pending):
                self.leave()
        elif self._listener is not None:
            self._listener.report()
            if counter % 10 == 0:
                self._listener.tidy()
        if self.filter.holding.is_on or (counter % 10 == 0 and self.state == "draining"):
            self._report_count()
        return bool(await super().on_tick(counter))
