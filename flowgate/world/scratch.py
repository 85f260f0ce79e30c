"""Places for a while: a private folder that goes with who made it, ports, and a door that takes nobody in."""

from __future__ import annotations

import random
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.errors import OutsideRefused
from flowgate.world import sockets, swap
from flowgate.world.disk import refusing

PORTS = range(20_000, 30_000)  # below what systems hand out by themselves for outgoing connections
TRIES = 200
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a close resets the connection


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Make a folder that only its owner can enter; it is gone afterwards, with all that is in it.

    Fails with: DiskRefused
    """
    with refusing(Path(tempfile.gettempdir())):
        made = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        yield made
    finally:
        swap.clear(made)


def ports(count: int) -> list[int]:
    """Give so many different ports that nobody listens on just now.

    Fails with: OutsideRefused
    """
    found: list[int] = []
    for port in random.sample(PORTS, TRIES + count):
        if len(found) < count and sockets.is_free("127.0.0.1", port):
            found.append(port)
    if len(found) < count:
        raise OutsideRefused(f"no {count} free ports were found on 127.0.0.1")
    return found


class Wall:
    """A port whose every connection is reset as it comes, and counted: a server that refuses, seen from outside.

    A port on which nobody listens could not tell how often it was asked.

    hits: when each connection came, in seconds since 1970
    """

    def __init__(self) -> None:
        self.hits: list[float] = []
        self._listener = sockets.listen("127.0.0.1", 0)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._refuse, daemon=True)
        self._thread.start()

    def _refuse(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed
                return
            with sock:
                self.hits.append(time.time())
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)

    def close(self) -> None:
        """Stop listening."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread on Linux
        except OSError:  # elsewhere `close` does
            pass
        self._listener.close()
        self._thread.join(1.0)
