"""Clients that send or read slowly, over real sockets: they are ended, and a silent stream is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from flowgate.domain.request_limits import MAX_BODY
from flowgate.request_filter import arrival
from flowgate.supervisor import slow_connections
from flowgate.supervisor.slow_connections import SlowConnections
from tests.unit.supervisor.worker_inside import serving

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PIECE = b"x" * 65_536
READERS = 100
HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
KERNEL_BYTES = 8 * 2**20  # what the kernel keeps for a connection, at most
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """An app that sends an endless stream, a silent one, or what it has read."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended = 0
        self.speak = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _live(receive, send)
        answer: dict[str, Callable[[Receive, Send], Awaitable[None]]] = {
            "/endless": self.endless,
            "/silent": self.silent,
        }
        try:
            await answer.get(scope["path"], self.echo)(receive, send)
        finally:
            self.ended += 1

    async def endless(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(_disconnected(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.sent += len(PIECE)
            await asyncio.sleep(0)

    async def silent(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        await self.speak.wait()
        await send({"type": "http.response.body", "body": b"ended"})

    async def echo(self, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})


async def _live(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def opened(port: int, path: bytes, headers: bytes = b"Content-Length: 0\r\n") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(HEAD % (path, headers))
    await writer.drain()
    return reader, writer


async def drip(writer: asyncio.StreamWriter, text: bytes) -> None:
    """Send a byte again and again until the connection is ended."""
    try:
        while True:
            writer.write(text)
            await writer.drain()
            await asyncio.sleep(0.05)
    except ConnectionError:
        pass


async def response(reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
    """Return the status and the JSON of a response after which the connection is closed."""
    head, _, body = (await asyncio.wait_for(reader.read(), 60)).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all waits short."""
    monkeypatch.setattr(slow_connections, "HEADER_SECONDS", 1.0)
    monkeypatch.setattr(slow_connections, "STALLED_SECONDS", 1.0)
    monkeypatch.setattr(slow_connections, "ROUND_SECONDS", 0.6)
    monkeypatch.setattr(arrival, "BODY_SECONDS", 0.5)


def over(folder: Path, check: Callable[[App, int], Awaitable[None]]) -> None:
    async def run() -> None:
        app = App()
        async with serving(app, folder) as port:
            await asyncio.wait_for(check(app, port), 120)

    asyncio.run(run())


@pytest.mark.usefixtures("quick")
def test_headers_that_come_slowly_are_not_waited_for(tmp_path: Path) -> None:
    async def check(app: App, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")
        dripping = asyncio.ensure_future(drip(writer, b"A: b\r\n"))
        assert await asyncio.wait_for(_all(reader), 60) == b""
        await dripping

    over(tmp_path, check)


async def _all(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("path", "place"), [(b"/v1/messages", "anthropic"), (b"/v1/files", "openai")])
def test_a_body_that_comes_slowly_gets_408_in_the_dialect(tmp_path: Path, path: bytes, place: str) -> None:
    async def check(app: App, port: int) -> None:
        reader, writer = await opened(port, path, b"Content-Length: 100000\r\n")
        dripping = asyncio.ensure_future(drip(writer, b"x"))
        status, tree = await response(reader)
        assert (status, tree.get("type")) == (408, "error" if place == "anthropic" else None)
        writer.close()
        await dripping

    over(tmp_path, check)


@pytest.mark.parametrize("headers", [b"Content-Length: %d\r\n" % (MAX_BODY + 1)])
@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/files", b"/v1/messages"])
def test_a_huge_body_gets_413_before_it_is_sent(tmp_path: Path, path: bytes, headers: bytes) -> None:
    async def check(app: App, port: int) -> None:
        reader, writer = await opened(port, path, headers)
        assert (await reader.readline()).split()[1] == b"413"
        writer.close()

    over(tmp_path, check)


@pytest.mark.usefixtures("quick")
def test_clients_that_do_not_read_take_no_memory_and_are_ended(tmp_path: Path) -> None:
    async def check(app: App, port: int) -> None:
        clients = [await opened(port, b"/endless") for _ in range(READERS)]
        while app.ended < READERS:
            await asyncio.sleep(0.1)
        assert 0 < app.sent < READERS * KERNEL_BYTES
        for _, writer in clients:
            writer.close()

    over(tmp_path, check)


@pytest.mark.usefixtures("quick")
def test_a_silent_stream_is_not_cut(tmp_path: Path) -> None:
    async def check(app: App, port: int) -> None:
        reader, writer = await opened(port, b"/silent")
        await reader.readuntil(b"begun ")
        _, slow_writer = await opened(port, b"/endless")
        while app.ended == 0:  # a client that reads nothing is ended meanwhile
            await asyncio.sleep(0.1)
        app.speak.set()
        assert b"ended" in await asyncio.wait_for(reader.readuntil(b"ended"), 60)
        for one in (writer, slow_writer):
            one.close()

    over(tmp_path, check)


@pytest.mark.usefixtures("quick")
def test_a_client_that_reads_slowly_is_not_cut(tmp_path: Path) -> None:
    async def check(app: App, port: int) -> None:
        slow, slow_writer = await opened(port, b"/endless")
        _, stuck_writer = await opened(port, b"/endless")
        while app.ended == 0:
            await slow.read(2**20)
            await asyncio.sleep(0.01)
        assert app.ended == 1
        for one in (slow_writer, stuck_writer):
            one.close()

    over(tmp_path, check)


class WaitsForHeaders:
    """A connection on which a part of a request has come."""

    cycle = None
    conn = SimpleNamespace(trailing_data=(b"GET", False))
    transport = SimpleNamespace(get_write_buffer_size=int, is_closing=bool, abort=int)


@pytest.mark.parametrize(
    ("rounds", "ended"),
    [
        ([0, 1, 2, 3600, 3601], False),  # paused for an hour
        (range(31), False),
        (range(32), True),
        (range(0, 1700, 100), True),  # a process that is always late ends it too
    ],
)
def test_the_time_of_a_pause_does_not_count(rounds: Iterable[float], ended: bool) -> None:
    slow, one = SlowConnections(), WaitsForHeaders()
    assert any(slow.end([one], now) for now in rounds) is ended


def test_a_large_body_in_one_piece_is_read(tmp_path: Path) -> None:
    async def check(app: App, port: int) -> None:
        reader, writer = await opened(port, b"/v1/files", b"Content-Length: 3000000\r\nConnection: close\r\n")
        writer.write(b"x" * 3_000_000)
        assert (await _all(reader)).endswith(b"\r\n3000000\r\n0\r\n\r\n")
        writer.close()

    over(tmp_path, check)
