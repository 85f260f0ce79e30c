"""A port that leads to the vendors' own one, until it is told to reset every connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections import deque

KEPT = 10_000
BLOCK = 65_536
CONNECT_SECONDS = 5.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: closing the socket resets the connection


class RefusingPort:
    """A relay that can refuse connections, and that counts those that it refused.

    A port on which nothing listens cannot count the attempts to connect.

    Attributes:
        refused_at: When a connection was reset, in seconds since 1970; the newest ones.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        """Create the relay; `serve` starts it.

        Args:
            target: Host and port to which connections are relayed.
        """
        self.refused_at: deque[float] = deque(maxlen=KEPT)
        self._target = target
        self._refuses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> asyncio.Server:
        """Accept connections.

        Args:
            listener: The bound socket.
        """
        return await asyncio.start_server(self._accept, sock=listener)

    def set_refusing(self, refuses: bool) -> None:
        """Reset all connections from now on, the open ones too, or relay them again.

        Args:
            refuses: Whether connections are reset.
        """
        self._refuses = refuses
        if refuses:
            for writer in list(self._open):
                _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            self.refused_at.append(time.time())
            _reset(writer)
            return
        try:
            other = await asyncio.wait_for(asyncio.open_connection(*self._target), CONNECT_SECONDS)
        except (OSError, TimeoutError):
            _reset(writer)
            return
        ends = {writer, other[1]}
        self._open |= ends
        copies = [asyncio.ensure_future(_copy(reader, other[1])), asyncio.ensure_future(_copy(other[0], writer))]
        self._tasks.update(copies)
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            self._tasks.difference_update(copies)
            self._open -= ends
            for end in ends:
                end.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
