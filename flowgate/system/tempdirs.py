"""Places for a while: a private folder that goes with who made it, ports, and a gate that can be shut."""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.errors import EnvironmentFailure
from flowgate.system import processes, replace_file, sockets
from flowgate.system.disk_errors import translate_os_errors

PORTS = range(20_000, 30_000)  # below what systems hand out by themselves for outgoing connections
TRIES = 200
HOST = "127.0.0.1"
CONNECT_SECONDS = 5.0
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close resets the connection


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Make a folder that only its owner can enter; it is gone afterwards, with all that is in it.

    Folders of makers that were killed are swept first.

    Raises:
        DiskError: See the message.
    """
    place = Path(tempfile.gettempdir())
    with translate_os_errors(place):
        _sweep(place, prefix)
        made = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-")).resolve()
    try:
        yield made
    finally:
        replace_file.delete_folder(made)


def _sweep(place: Path, prefix: str) -> None:
    for old in place.glob(f"{prefix}*-*"):
        pid = old.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and old.is_dir() and old.stat().st_uid == os.getuid() and processes.identify(int(pid)) is None:
            replace_file.delete_folder(old)


def ports(count: int) -> list[int]:
    """Give so many different ports that nobody listens on just now.

    Raises:
        EnvironmentFailure: See the message.
    """
    found: list[int] = []
    for port in random.sample(PORTS, TRIES + count):
        if len(found) < count and sockets.is_free(HOST, port):
            found.append(port)
    if len(found) < count:
        raise EnvironmentFailure(f"no {count} free ports were found on {HOST}")
    return found


class BlockableProxy:
    """A port that leads to another one, until it is shut; then every connection is reset as it comes, and counted.

    A port on which nobody listens could not tell how often it was asked.

    Attributes:
        hits: When a connection came while it was shut, in seconds since 1970.
    """

    def __init__(self, target: int) -> None:
        self.blocked_at: list[float] = []
        self._target = target
        self._shut = False
        self._open: set[socket.socket] = set()
        self._listener = sockets.listen(HOST, 0)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._welcome, daemon=True)
        self._thread.start()

    def block(self) -> None:
        """Lead nowhere from now on, and reset what is open."""
        self._shut = True
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _welcome(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._shut:
                with sock:
                    self.blocked_at.append(time.time())
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            else:
                threading.Thread(target=self._lead, args=(sock,), daemon=True).start()

    def _lead(self, sock: socket.socket) -> None:
        """Pass on what either side says until one has said all."""
        with sock, socket.create_connection((HOST, self._target), CONNECT_SECONDS) as other:
            other.settimeout(None)
            self._open |= {sock, other}
            with contextlib.suppress(OSError):
                while True:
                    for one in select.select([sock, other], [], [])[0]:
                        message = one.recv(65_536)
                        if not message:
                            raise ConnectionResetError
                        (other if one is sock else sock).sendall(message)
            self._open -= {sock, other}

    def close(self) -> None:
        """Stop listening."""
        self.block()
        with contextlib.suppress(OSError):  # wakes the thread on Linux; elsewhere `close` does
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(1.0)
