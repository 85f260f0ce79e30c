"""A TCP proxy that can be blocked, for rehearsals of an unreachable provider."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time

from flowgate.system import sockets

HOST = "127.0.0.1"
CONNECT_SECONDS = 5.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: `close` resets the connection


class BlockableProxy:
    """A port that forwards to another port until it is blocked. Then it resets every connection and records its time.

    A port on which no process listens cannot count the attempts to connect.

    Attributes:
        port: The proxy's port.
        blocked_at: When a connection was reset, in seconds since 1970.
    """

    def __init__(self, target: int) -> None:
        """Start the proxy.

        Args:
            target: The port to which connections are forwarded.
        """
        self.blocked_at: list[float] = []
        self._target = target
        self._blocked = False
        self._open: set[socket.socket] = set()
        self._listener = sockets.listen(HOST, 0)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def block(self) -> None:
        """Reset all connections from now on, and cut the open ones."""
        self._blocked = True
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening."""
        self.block()
        with contextlib.suppress(OSError):  # ends `accept` on Linux; elsewhere `close` does
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(1.0)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._blocked:
                with sock:
                    self.blocked_at.append(time.time())
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            else:
                threading.Thread(target=self._forward, args=(sock,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        """Forward bytes in both directions until one side closes its connection."""
        with client, socket.create_connection((HOST, self._target), CONNECT_SECONDS) as server:
            server.settimeout(None)
            self._open |= {client, server}
            with contextlib.suppress(OSError):
                while True:
                    for source in select.select([client, server], [], [])[0]:
                        data = source.recv(65_536)
                        if not data:
                            raise ConnectionResetError
                        (server if source is client else client).sendall(data)
            self._open -= {client, server}
