"""A uvicorn server with two doors and a control socket: what the child serves with.

Imported only in the process that serves: nobody else needs uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any

import uvicorn

from flowgate.supervisor.protocol import Lines, Message, encode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


IDLE_SECONDS = 0.75  # a connection unused for so long is closed by a server that drains
SETTLE_SECONDS = 0.05  # from the last accepted connection to the end of accepting
RECENT = 500  # answers that are kept
LATE_SECONDS = 5.0  # how long after the end of its time a draining server waits for the keeper's word


class Gate:
    """The layer around the app: notes why its start failed, and asks clients to leave once it drains.

    Attributes:
        under_way: Answers that have not ended.
        cut: Those that were not let end.
        port: The public one, whose new questions can be held.
        held: Set once they may go on.
        patience: Seconds each waits.
        begun: When each answer under way began.
        recorded: Beginnings of response headers that are kept.
        recent: The last answers, never a body, a query or a key.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.draining = False
        self.number = os.environ.get("FLOWGATE_GENERATION", "0").encode()
        self.under_way = 0
        self.cut = 0
        self.port = 0
        self.held: asyncio.Event | None = None
        self.patience = 0.0
        self.begun: dict[int, float] = {}
        self.recorded: tuple[str, ...] = ()
        self.recent: deque[Message] = deque(maxlen=RECENT)
        self.reason = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._live(scope, receive, send)
        if self.held is not None and scope["type"] == "http" and not await self._its_turn(scope):
            return await _unavailable(send)
        self.under_way += 1
        self.begun[id(scope)] = time.monotonic()
        row: Message = {"path": scope.get("path", ""), "method": scope.get("method", ""), "at": time.time()}
        began = time.monotonic()
        try:
            return await self.app(scope, receive, self._marking(send, row) if scope["type"] == "http" else send)
        except asyncio.CancelledError:  # the server's last word to what is still under way when it leaves
            self.cut += 1
            raise
        finally:
            self.under_way -= 1
            self.begun.pop(id(scope), None)
            row["seconds"] = round(time.monotonic() - began, 4)

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

    # --- holding

    def hold(self, patience: float) -> None:
        """Let new questions wait at the public door; those under way go on."""
        self.patience = patience
        self.held = self.held or asyncio.Event()

    def let(self) -> None:
        """Let everybody go on who waits."""
        if self.held is not None:
            self.held.set()
            self.held = None

    async def _its_turn(self, scope: Scope) -> bool:
        """Wait until questions are let go on; say whether that came in time."""
        server = scope.get("server") or (None, 0)
        until = time.monotonic() + self.patience
        while self.held is not None and server[1] == self.port:
            try:
                await asyncio.wait_for(self.held.wait(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                return False
        return True

    def oldest(self) -> float:
        """Say for how many seconds the oldest answer under way has gone on."""
        return time.monotonic() - min(self.begun.values()) if self.begun else 0.0

    def _marking(self, send: Send, row: Message) -> Send:
        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._record(row, message)
                message["headers"] = [*message.get("headers", ()), (b"x-flowgate-generation", self.number)]
            if self.draining and message["type"] == "http.response.start":
                # A kept connection would be cut when this process leaves; told to close, the client opens a new one,
                # which the younger generation accepts.
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return relay

    def _record(self, row: Message, message: MutableMapping[str, Any]) -> None:
        """Keep who answered; answers that say nothing of it are not kept."""
        found = {
            name: value.decode("latin-1")
            for name, value in ((key.decode("latin-1").lower(), value) for key, value in message.get("headers", ()))
            if name.startswith(self.recorded)
        }
        if found and self.recorded:
            row |= {"status": message.get("status"), "headers": found}
            self.recent.append(row)


async def _unavailable(send: Send) -> None:
    """Answer a question that has been held too long."""
    body = b'{"error":{"message":"the gateway is restarting what it stands on; try again","type":"unavailable"}}'
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"1")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_idle(connection: object) -> bool:
    """Say whether a connection carries no question; a websocket always carries one."""
    cycle = getattr(connection, "cycle", connection)
    return cycle is None or bool(getattr(cycle, "response_complete", False))


def _last_words(trace: str) -> str:
    """Give the line of a traceback that says what is wrong."""
    lines = [line for line in trace.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


class WorkerServer(uvicorn.Server):
    """A uvicorn server with a second door and a control socket."""

    def __init__(self, config: uvicorn.Config, gate: Gate, control: socket.socket, public: socket.socket) -> None:
        super().__init__(config)
        self.gate, self.control, self.public = gate, control, public
        self.public_server: asyncio.base_events.Server | None = None
        self.connections: set[ControlConnection] = set()
        self.state = "starting"
        self.closing = False
        self.holds = 0
        gate.port = public.getsockname()[1]
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
        await asyncio.get_running_loop().create_unix_server(lambda: ControlConnection(self), sock=self.control)
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
            case "hold":
                self.gate.hold(float(message.get("seconds") or 0.0))
                self.count()
                self.holds += 1
                asyncio.get_running_loop().call_later(float(message.get("limit") or 0.0), self._let, self.holds)
            case "let":
                self._let(self.holds)
            case "remember":
                self.remembered = message.get("program")
                self.gate.recorded = tuple((self.remembered or {}).get("recorded_headers") or ())

    def recall(self, keeper: ControlConnection) -> None:
        """Hand a new keeper what it needs to be ours: our program, our state, and the public socket we were lent."""
        told = encode({"event": "recalled", "state": self.state, "program": self.remembered})
        keeper.hand(told, self.public.fileno() if self.state in ("ready", "serving") else -1)

    def _let(self, number: int) -> None:
        """End a hold; one that its keeper has forgotten ends by itself."""
        if number == self.holds:
            self.gate.let()

    def count(self) -> None:
        """Say what is open and under way."""
        busy, oldest = self.gate.under_way, round(self.gate.oldest(), 1)
        self.say({"event": "count", "open": len(self.server_state.connections), "busy": busy, "oldest": oldest})

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

        Args:
            seconds: When to cut; the keeper says so too, but it may be gone by then.
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
        if self.gate.held is not None or (counter % 10 == 0 and self.state == "draining"):
            self.count()
        return bool(await super().on_tick(counter))

    def leave(self) -> None:
        self.gate.draining = True
        self.should_exit = True

    def say(self, message: Message) -> None:
        for keeper in self.connections:
            keeper.say(message)


class ControlConnection(asyncio.Protocol):
    """A keeper's connection to the control socket; when it is cut, serving goes on."""

    def __init__(self, doors: WorkerServer) -> None:
        self.doors = doors
        self.lines = Lines()
        self.orders: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.doors.connections.add(self)
        self.say({"event": self.doors.state, "reason": self.doors.gate.reason})

    def data_received(self, data: bytes) -> None:
        for message in self.lines.feed(data):
            if message.get("do") == "recall":
                self.doors.recall(self)
                continue
            if message.get("do") == "recent":
                self.say({"event": "recent", "rows": list(self.doors.gate.recent)})
                continue
            order = asyncio.ensure_future(self._obey(message))
            self.orders.add(order)
            order.add_done_callback(self.orders.discard)

    async def _obey(self, message: Message) -> None:
        if message.get("do") == "tell":
            from flowgate.supervisor.introspection import tell

            named = ((self.doors.remembered or {}).get("queries") or {}).get(message.get("what"), "")
            self.say(await tell(named))
        else:
            await self.doors.obey(message)

    def hand(self, data: bytes, descriptor: int) -> None:
        """Say something, and let a descriptor go along; -1 for none."""
        sent = 0
        if descriptor >= 0:
            with socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno())) as line:
                sent = socket.send_fds(line, [data], [descriptor])
        self.transport.write(data[sent:])  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        self.doors.connections.discard(self)

    def say(self, message: Message) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(encode(message))
