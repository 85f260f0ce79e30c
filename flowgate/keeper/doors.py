"""A uvicorn server with two doors and a control socket: what the child serves with.

Imported only in the process that serves: nobody else needs uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any

import uvicorn

from flowgate.keeper.wire import Lines, Message, encode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


IDLE_SECONDS = 0.75  # a connection unused for so long is closed by a server that drains
SETTLE_SECONDS = 0.05  # from the last accepted connection to the end of accepting
LATE_SECONDS = 5.0  # how long after the end of its time a draining server waits for the keeper's word


class Gate:
    """The layer around the app: notes why its start failed, and asks clients to leave once it drains.

    under_way: answers that have not ended; cut: those that were not let end
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.draining = False
        self.number = os.environ.get("FLOWGATE_GENERATION", "0").encode()
        self.under_way = 0
        self.cut = 0
        self.reason = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._live(scope, receive, send)
        self.under_way += 1
        try:
            return await self.app(scope, receive, self._marking(send) if scope["type"] == "http" else send)
        except asyncio.CancelledError:  # the server's last word to what is still under way when it leaves
            self.cut += 1
            raise
        finally:
            self.under_way -= 1

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, self._listening(send))
        except BaseException as fault:
            self.reason = self.reason or f"{type(fault).__name__}: {fault}"
            raise

    def _listening(self, send: Send) -> Send:
        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.reason = _last_words(message.get("message", ""))
            await send(message)

        return relay

    def _marking(self, send: Send) -> Send:
        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-flowgate-generation", self.number)]
            if self.draining and message["type"] == "http.response.start":
                # A kept connection would be cut when this process leaves; told to close, the client opens a new one,
                # which the younger generation accepts.
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return relay


def _is_idle(connection: object) -> bool:
    """Say whether a connection carries no question; a websocket always carries one."""
    cycle = getattr(connection, "cycle", connection)
    return cycle is None or bool(getattr(cycle, "response_complete", False))


def _last_words(trace: str) -> str:
    """Give the line of a traceback that says what is wrong."""
    lines = [line for line in trace.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


class Doors(uvicorn.Server):
    """A uvicorn server with a second door and a control socket."""

    def __init__(self, config: uvicorn.Config, gate: Gate, control: socket.socket, public: socket.socket) -> None:
        super().__init__(config)
        self.gate, self.control, self.public = gate, control, public
        self.public_server: asyncio.base_events.Server | None = None
        self.keepers: set[Keeper] = set()
        self.state = "starting"
        self.closing = False
        self.opening = asyncio.Lock()
        self.idle_since: dict[Any, float] = {}
        self.remembered: Message | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.get_running_loop().create_unix_server(lambda: Keeper(self), sock=self.control)
        await super().startup(sockets=sockets)
        self.state = "ready"
        self.say({"event": "ready"})

    async def obey(self, message: Message) -> None:
        match message.get("do"):
            case "open":
                await self.open()
            case "drain":
                self.drain(message.get("seconds"))
            case "cut":
                self.cut()
            case "leave":
                self.leave()
            case "remember":
                self.remembered = message.get("program")

    def recall(self, keeper: Keeper) -> None:
        """Hand a new keeper what it needs to be ours: our program, our state, and the public socket we were lent."""
        told = encode({"event": "recalled", "state": self.state, "program": self.remembered})
        keeper.hand(told, self.public.fileno() if self.state in ("ready", "serving") else -1)

    async def open(self) -> None:
        async with self.opening:  # two orders at once would make two servers of one socket
            if self.public_server is None and self.state == "ready":
                self.public_server = await asyncio.get_running_loop().create_server(
                    self.connection, sock=self.public, backlog=self.config.backlog
                )
                self.servers.append(self.public_server)
                self.state = "serving"
        self.say({"event": "opened"})

    def connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def drain(self, seconds: float | None) -> None:
        """Accept no more, let what is under way end, then leave.

        seconds: when to cut; the keeper says so too, but it may be gone by then
        """
        self.gate.draining = True
        loop = asyncio.get_running_loop()
        if self.public_server is not None and not self.closing:
            self.closing = True
            loop.remove_reader(self.public.fileno())
            loop.call_later(SETTLE_SECONDS, self._close_public)
        self.state = "draining"
        self.say({"event": "draining"})
        if seconds is not None:
            loop.call_later(seconds + LATE_SECONDS, self.cut)

    def _close_public(self) -> None:
        """Close our side of the public socket, once what was accepted on it has become a connection.

        Source: asyncio (3.11 to 3.13) accepts in one turn of its loop and makes the connection in a later one; a server
        that is closed in between drops it, and the client is reset.
        """
        if self.public_server is not None:
            self.public_server.close()
            self.servers.remove(self.public_server)
            self.public_server = None

    def cut(self) -> None:
        """Leave now, whatever is under way."""
        self.config.timeout_graceful_shutdown = 0
        self.leave()

    def _send_idle_home(self) -> None:
        """Close the kept connections that nobody has used for a moment.

        Not at once: a client that is just sending its next question would find the connection cut. It is answered
        with `Connection: close` instead.
        """
        now = asyncio.get_running_loop().time()
        idle = [one for one in self.server_state.connections if _is_idle(one)]
        self.idle_since = {one: self.idle_since.get(one, now) for one in idle}
        for one, since in self.idle_since.items():
            if now - since >= IDLE_SECONDS:
                one.transport.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.gate.cut:
            answers = "1 answer" if self.gate.cut == 1 else f"{self.gate.cut} answers"
            self.say({"event": "cut", "reason": f"{answers} under way cut", "cut": self.gate.cut})

    async def on_tick(self, counter: int) -> bool:
        if self.state == "draining":
            self._send_idle_home()
            if not self.server_state.connections and self.public_server is None:
                self.leave()
        if counter % 10 == 0 and self.state == "draining":
            self.say({"event": "count", "open": len(self.server_state.connections), "busy": self.gate.under_way})
        return bool(await super().on_tick(counter))

    def leave(self) -> None:
        self.gate.draining = True
        self.should_exit = True

    def say(self, message: Message) -> None:
        for keeper in self.keepers:
            keeper.say(message)


class Keeper(asyncio.Protocol):
    """A keeper's connection to the control socket; when it is cut, serving goes on."""

    def __init__(self, doors: Doors) -> None:
        self.doors = doors
        self.lines = Lines()
        self.orders: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.doors.keepers.add(self)
        self.say({"event": self.doors.state, "reason": self.doors.gate.reason})

    def data_received(self, data: bytes) -> None:
        for message in self.lines.feed(data):
            if message.get("do") == "recall":
                self.doors.recall(self)
                continue
            order = asyncio.ensure_future(self.doors.obey(message))
            self.orders.add(order)
            order.add_done_callback(self.orders.discard)

    def hand(self, data: bytes, descriptor: int) -> None:
        """Say something, and let a descriptor go along; -1 for none."""
        sent = 0
        if descriptor >= 0:
            with socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno())) as line:
                sent = socket.send_fds(line, [data], [descriptor])
        self.transport.write(data[sent:])  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        self.doors.keepers.discard(self)

    def say(self, message: Message) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(encode(message))
