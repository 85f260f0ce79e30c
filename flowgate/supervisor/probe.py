"""A readiness probe over HTTP, or of an open port alone, that never blocks the event loop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import ClassVar

from flowgate.supervisor.event_loop import Loop

FAST_PROBES = 1000
TIMEOUT_SECONDS = 2.0  # the first timeout; each further one is twice as long
MAX_TIMEOUT_SECONDS = 60.0


class Probe:
    """Sends `GET path` again and again until the response is 2xx; without a path, connects until that succeeds."""

    METHOD: ClassVar[str] = "GET"
    FAST_SECONDS: ClassVar[float] = 0.005  # between probes at first: readiness is noticed within 25 ms
    SLOW_SECONDS: ClassVar[float] = 0.05  # between probes of a program that takes long to start

    def __init__(
        self,
        loop: Loop,
        address: tuple[str, int],
        path: str | None,
        wanted: Callable[[], bool],
        ready: Callable[[], None],
    ) -> None:
        """Create a probe.

        Args:
            loop: The event loop.
            address: Where to connect.
            path: Path of the request; None for "/", empty for a program that does not speak HTTP.
            wanted: Returns False when the result does not matter any more.
            ready: Called once, at the first 2xx, or at the first connection.
        """
        self._loop, self._address, self._path = loop, address, "/" if path is None else path
        self._wanted, self._ready = wanted, ready
        self._sock: socket.socket | None = None
        self._sent = 0
        self._timeout = TIMEOUT_SECONDS
        self._response = b""

    def send(self) -> None:
        """Open a connection and send the request."""
        if not self._wanted():
            return
        self._sent += 1
        self._response = b""
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        probe = self._sent
        self._loop.after(self._timeout, lambda: self._give_up(probe))
        self._sock.connect_ex(self._address)
        self._loop.watch(self._sock, self._write, writing=True)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._sock is not None:
            self._loop.forget(self._sock)
            self._sock = None

    def _write(self) -> None:
        if self._sock is None:
            return
        host, port = self._address
        if not self._path and self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            self._finish()
            return
        request = f"{self.METHOD} {self._path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        try:
            self._sock.sendall(request.encode())
        except OSError:  # refused: the program does not listen yet
            self._retry()
            return
        self._loop.watch(self._sock, self._read)

    def _read(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(4096)
        except OSError:  # cut: the program is not ready yet
            data = b""
        self._response += data
        words = self._response.split(b" ", 2)
        if len(words) == 3 and words[0].startswith(b"HTTP/1."):
            self._judge(words[1])
        elif not data:
            self._retry()

    def _judge(self, status: bytes) -> None:
        if not status.startswith(b"2"):
            self._retry()
        else:
            self._finish()

    def _finish(self) -> None:
        self.close()
        if self._wanted():
            self._ready()

    def _give_up(self, probe: int) -> None:
        if self._sock is not None and probe == self._sent:
            self._timeout = min(2 * self._timeout, MAX_TIMEOUT_SECONDS)  # a slow program is not a dead one
            self._retry()

    def _retry(self) -> None:
        self.close()
        self._loop.after(self.FAST_SECONDS if self._sent < FAST_PROBES else self.SLOW_SECONDS, self.send)
