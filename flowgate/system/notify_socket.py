"""The socket on which a service manager wants to be told how a service is.

Source: sd_notify(3): one datagram of `NAME=value` lines to the address in NOTIFY_SOCKET; one that begins with `@` is in
the abstract namespace. WATCHDOG_USEC is the longest time in microseconds between two `WATCHDOG=1`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping

SOCKET, WATCHDOG, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
VARIABLES = (SOCKET, WATCHDOG, WATCHDOG_PID)  # for this process only, never for its children


class NotifySocket:
    """Messages to the service manager; without one they go nowhere.

    Attributes:
        watchdog_seconds: The longest time between two signs of life; None if none is wanted.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get(SOCKET, "")
        wanted, of_pid = environment.get(WATCHDOG, ""), environment.get(WATCHDOG_PID, "")
        meant = wanted.isdigit() and int(wanted) > 0 and of_pid in ("", str(os.getpid()))
        self.watchdog_seconds = int(wanted) / 1e6 if meant and self._address else None

    def send(self, *lines: str) -> None:
        """Send lines such as `READY=1` in one message; a manager that does not listen loses it."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        message = "\n".join(line.replace("\n", " ") for line in lines).encode()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(message, address)

    def send_reloading(self, status: str) -> None:
        """Say that a reload has begun; `READY=1` ends it.

        Args:
            status: What is being done.
        """
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", f"STATUS={status}")
