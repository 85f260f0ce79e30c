"""A service manager's end of the notify socket, for tests without a service manager."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.conftest import wait

START_SECONDS = 120.0


class Manager:
    """A service manager's end of the notify socket. It reads all the time: a sender drops what finds the queue full."""

    def __init__(self, path: Path) -> None:
        self.path, self.messages = path, list[str]()
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while message := self._sock.recv(4096):
            self.messages.append(message.decode())

    def heard(self, words: str, times: int = 1) -> bool:
        """Return whether a message with these words has come as often as that."""
        return sum(words in one for one in self.messages) >= times

    def wait_for(self, words: str, times: int = 1) -> None:
        assert wait(lambda: self.heard(words, times), START_SECONDS), self.messages

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(60)
        self._sock.close()

    def variables(self) -> dict[str, str]:
        """Return what the manager sets for its service: where it listens, and how often it wants a sign of life."""
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": "400000"}

    def has_fresh_sign(self) -> bool:
        """Return whether a sign of life has come since the last call."""
        heard, self.messages = self.messages, []
        return "WATCHDOG=1" in heard

    def is_left_alone(self, seconds: float = START_SECONDS) -> bool:
        """Wait until no sign of life comes for a second; return whether that happened."""
        return wait(lambda: not wait(self.has_fresh_sign, 1.0), seconds)
