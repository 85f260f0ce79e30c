"""The list of error logs that the newer line shows; the texts of the logs are not kept."""

from __future__ import annotations

import secrets
import time
from typing import TypedDict

KEPT = 10


class ErrorLog(TypedDict):
    """One entry of `/v0/management/request-error-logs`."""

    name: str
    size: int
    modified: int


class ErrorLogs:
    """The newest entries, by name."""

    def __init__(self) -> None:
        self.rows: list[ErrorLog] = []

    def add(self, path: str, size: int) -> None:
        """Add an entry for a failed request.

        Args:
            path: The requested path.
            size: Size of the response's body in bytes.
        """
        name = (
            f"error-{path.strip('/').replace('/', '-')}-{time.strftime('%Y-%m-%dT%H%M%S')}-{secrets.token_hex(4)}.log"
        )
        row = ErrorLog(name=name, size=size, modified=int(time.time()))
        self.rows = sorted([*self.rows[1 - KEPT :], row], key=lambda one: one["name"])
