"""Ask a program over HTTP whether it is ready, without ever blocking the keeper."""

from __future__ import annotations

import socket
from collections.abc import Callable

from flowgate.supervisor.event_loop import Loop

EVERY_SECONDS = 0.005  # a polled program's readiness is seen within 25 ms
LATER_SECONDS = 0.05  # for one that takes long to come up
SOON = 1000  # questions before that
PATIENCE_SECONDS = 2.0  # one question unanswered for this long is asked anew, and the next is waited for longer
LONGEST_SECONDS = 60.0


class Probe:
    """Ask `GET path` again and again until the answer is 2xx.

    Attributes:
        wanted: Gives false when the answer is of no interest any more.
        ready: Called once, at the first 2xx.
    """

    def __init__(
        self, loop: Loop, address: tuple[str, int], path: str, wanted: Callable[[], bool], ready: Callable[[], None]
    ) -> None:
        self._loop, self._address, self._path = loop, address, path
        self._wanted, self._ready = wanted, ready
        self._sock: socket.socket | None = None
        self._asked = 0
        self._patience = PATIENCE_SECONDS
        self._answer = b""

    def ask(self) -> None:
        """Open a connection and send the question."""
        if not self._wanted():
            return
        self._asked += 1
        self._answer = b""
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        this = self._asked
        self._loop.after(self._patience, lambda: self._give_up(this))
        self._sock.connect_ex(self._address)
        self._loop.watch(self._sock, self._send, writing=True)

    def _send(self) -> None:
        if self._sock is None:
            return
        host, port = self._address
        question = f"GET {self._path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        try:
            self._sock.sendall(question.encode())
        except OSError:  # refused: not listening yet
            self._again()
            return
        self._loop.watch(self._sock, self._receive)

    def _receive(self) -> None:
        if self._sock is None:
            return
        try:
            data = self._sock.recv(4096)
        except OSError:  # cut: not ready yet
            data = b""
        self._answer += data
        status = self._answer.split(b" ", 2)
        if len(status) == 3 and status[0].startswith(b"HTTP/1."):
            self._settle(status[1])
        elif not data:
            self._again()

    def _settle(self, status: bytes) -> None:
        if not status.startswith(b"2"):
            self._again()
            return
        self._close()
        if self._wanted():
            self._ready()

    def _give_up(self, asked: int) -> None:
        if self._sock is not None and asked == self._asked:
            self._patience = min(2 * self._patience, LONGEST_SECONDS)  # a slow one is not a dead one
            self._again()

    def _again(self) -> None:
        self._close()
        self._loop.after(EVERY_SECONDS if self._asked < SOON else LATER_SECONDS, self.ask)

    def _close(self) -> None:
        if self._sock is not None:
            self._loop.forget(self._sock)
            self._sock = None
