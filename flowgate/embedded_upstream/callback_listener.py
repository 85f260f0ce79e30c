"""The listener on a vendor's callback port, which `is_webui` asks for."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

HEAD_SECONDS = 5.0


class CallbackListener:
    """A listener on 127.0.0.1 that redirects every request to the target, with the request's query."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> None:
        """Start to listen.

        Args:
            port: The port; 0 for a free one.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._redirect, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _redirect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
            words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            query = urlsplit(words[1]).query if len(words) > 1 else ""
            location = f"{self.target}?{query}" if query else self.target
            response = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nCache-Control: no-store\r\n"
            writer.write(f"{response}Content-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1"))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # browsers open connections that they do not use
        finally:
            writer.close()
