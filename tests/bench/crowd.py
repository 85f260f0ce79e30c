"""Many clients at once on kept connections: what each of their requests ended with."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field

PATH = "/v1/chat/completions"
PATIENCE_SECONDS = 120.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Crowd:
    """Clients of one gateway; every third one asks for streams.

    Attributes:
        port: The gateway's port.
        key: Its key.
        clients: How many.
        ended: How many requests ended with what: "200", "503" (with Retry-After), or what a client must not see.
        generations: How many responses each generation sent.
    """

    port: int
    key: str
    clients: int
    ended: Counter[str] = field(default_factory=Counter)
    generations: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    async def run(self, seconds: float) -> None:
        """Ask for some seconds; each client then finishes its last request."""
        tasks = [asyncio.create_task(self._client(number)) for number in range(self.clients)]
        await asyncio.sleep(seconds)
        self.stopped = True
        await asyncio.gather(*tasks)

    @property
    def wrong(self) -> int:
        """How many requests ended with neither an answer nor an orderly 503."""
        return sum(count for name, count in self.ended.items() if name not in ("200", "503"))

    async def _client(self, number: int) -> None:
        streams: Streams | None = None
        while not self.stopped:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    streams = streams or await asyncio.open_connection("127.0.0.1", self.port)
                    ended, wait, keeps = await self._ask(streams, number)
            except (OSError, EOFError, ValueError, IndexError) as error:
                ended, wait, keeps = type(error).__name__, 0.0, False
            self.ended[ended] += 1
            if (not keeps or wait) and streams is not None:  # a connection that rests may be closed in a hand-over
                streams[1].close()
                streams = None
            await asyncio.sleep(wait)
        if streams is not None:
            streams[1].close()

    async def _ask(self, streams: Streams, number: int) -> tuple[str, float, bool]:
        """Send a request; return what it ended with, how long to wait, and whether the connection stays."""
        reader, writer = streams
        body: dict[str, object] = {"model": "router-default", "max_tokens": 9}
        body |= {"messages": [{"role": "user", "content": "hello"}], "stream": number % 3 == 0}
        content = json.dumps(body)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write((head + content).encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().strip().split("\r\n")
        headers = dict(one.split(": ", 1) for one in lines if ": " in one)
        text = await _body(reader, headers)
        status = first.split()[1]
        self.generations[headers.get("x-flowgate-generation", "")] += 1
        if status == "503" and "retry-after" not in headers:
            status = "503 without retry-after"
        if status == "200" and number % 3 == 0 and b"[DONE]" not in text:
            status = "a stream without an end"
        return status, float(headers.get("retry-after", 0)), headers.get("connection") != "close"


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    text = b""
    while size := int(await reader.readline(), 16):
        text += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return text
