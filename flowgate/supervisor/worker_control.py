"""A supervisor's connection to the control socket of a worker."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Protocol, cast

from flowgate.request_filter.filter import RequestFilter
from flowgate.supervisor.program_tree import ProgramTree
from flowgate.supervisor.protocol import PROTOCOL_VERSION, Lines, WorkerCommand, WorkerEvent, encode
from flowgate.supervisor.recording import Ledger

LEDGER = "ledger"  # the query that every program answers which records its requests


class ControlledWorker(Protocol):
    """What the control connection needs of the worker's server."""

    state: str
    program: ProgramTree | None
    supervisors: set[ControlConnection]
    filter: RequestFilter
    ledger: Ledger | None

    def hand_over_program(self, supervisor: ControlConnection) -> None:
        """Send the program, the state and the public listener."""

    async def obey(self, command: WorkerCommand) -> None:
        """Carry out a command of the supervisor."""


class ControlConnection(asyncio.Protocol):
    """One connection to the control socket; when it is cut, the worker keeps serving."""

    def __init__(self, server: ControlledWorker) -> None:
        self._server = server
        self._lines = Lines[WorkerCommand]()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report the state and the protocol version."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._server.supervisors.add(self)
        reason = self._server.filter.startup_error
        self.send({"event": self._server.state, "reason": reason, "protocol": PROTOCOL_VERSION})

    def data_received(self, data: bytes) -> None:
        """Carry out the commands."""
        for command in self._lines.feed(data):
            match command.get("do"):
                case "get_program":
                    self._server.hand_over_program(self)
                case "recent_requests":
                    self.send({"event": "recent_requests", "rows": self._server.filter.recent.rows()})
                case "refusals":
                    layer = self._server.filter
                    self.send({"event": "refusals", "rows": layer.refusals.rows(), "reason": layer.clients.problem})
                case _:
                    task = asyncio.ensure_future(self._obey(command))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def _obey(self, command: WorkerCommand) -> None:
        if command["do"] == "query":
            from flowgate.supervisor.introspection import run_query

            program, ledger = self._server.program, self._server.ledger
            if command["what"] == LEDGER and ledger is not None:
                self.send({"event": "query_result", "rows": [ledger.state()]})
            else:
                self.send(await run_query((program["queries"] if program else {}).get(command["what"], "")))
        else:
            await self._server.obey(command)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._server.supervisors.discard(self)

    def send(self, event: WorkerEvent) -> None:
        """Send an event, unless the connection is closing."""
        if not self._transport.is_closing():
            self._transport.write(encode(event))

    def send_descriptor(self, data: bytes, descriptor: int) -> None:
        """Send data together with a file descriptor; -1 for none."""
        sent = 0
        if descriptor >= 0:
            with socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno())) as line:
                sent = socket.send_fds(line, [data], [descriptor])
        self._transport.write(data[sent:])
