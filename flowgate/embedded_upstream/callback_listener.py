"""The listener on a vendor's callback port: sends the browser on to the main port, as `is_webui` asks."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

HEAD_SECONDS = 5.0


class Forwarder:
    """One listener, on 127.0.0.1 only; it answers any path with 302 to `target` and the same query."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen; 0 for any free port.

        Raises:
            OSError: The port is held.
        """
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
            words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            query = urlsplit(words[1]).query if len(words) > 1 else ""
            where = f"{self.target}?{query}" if query else self.target
            answer = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nCache-Control: no-store\r\n"
            writer.write(f"{answer}Content-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1"))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # a browser that hangs up early is no news
        finally:
            writer.close()
