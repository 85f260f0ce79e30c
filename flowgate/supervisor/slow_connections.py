"""Client connections of a worker that make no progress: they are ended, so that they keep no place and no memory.

A response that nobody reads waits in buffers of fixed size: uvicorn lets the app send no more until they have room. A
stream that is silent has nothing in them, however long it is silent.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import math
import struct
import termios
from collections.abc import Collection
from typing import NamedTuple

from flowgate.supervisor.connections import is_closing, is_idle

HEADER_SECONDS = 30.0  # for the first line and the headers of a request, from its first byte
STALLED_SECONDS = 300.0  # without one byte of a response that the client has taken
ROUND_SECONDS = 2.0  # a round counts no longer than that: where it comes later, this process was paused too
LOG = logging.getLogger("uvicorn.error")


class _Seen(NamedTuple):
    """What a connection waited for, and since when it has not changed."""

    kind: str
    waiting: int
    since: float


class SlowConnections:
    """The connections that wait for their client.

    Time counts while this process runs. After `podman pause`, SIGCONT, or in a virtual machine that continues, what
    clients have sent or taken meanwhile has not been seen yet.
    """

    def __init__(self) -> None:
        self._seen: dict[object, _Seen] = {}
        self._counted, self._round_at = 0.0, -math.inf

    def end(self, connections: Collection[object], now: float) -> int:
        """End the connections that have made no progress for too long; return how many. Called about once a second.

        Args:
            connections: uvicorn's connections.
            now: The loop's time.
        """
        self._counted += min(now - self._round_at, ROUND_SECONDS)
        self._round_at = now
        self._seen = {one: seen for one in connections if (seen := self._look(one, self._counted))}
        late = [one for one, seen in self._seen.items() if self._counted - seen.since > _patience(seen.kind)]
        for one in late:
            LOG.warning("flowgate: ended a connection: %s", WHY[self._seen[one].kind])
            one.transport.abort()  # type: ignore[attr-defined]
        return len(late)

    def _look(self, connection: object, now: float) -> _Seen | None:
        """Return what a connection waits for; None if its client is not slow."""
        if is_closing(connection):
            return None
        before = self._seen.get(connection)
        if unread := _unread(connection):
            is_same = before is not None and (before.kind, before.waiting) == ("reader", unread)
            return before if is_same else _Seen("reader", unread, now)
        if _has_part_of_a_request(connection):  # however many bytes come: it is not complete
            return before if before is not None and before.kind == "headers" else _Seen("headers", 0, now)
        return None


WHY = {"reader": "its client does not read the response", "headers": "its client does not finish a request's headers"}


def _patience(kind: str) -> float:
    return STALLED_SECONDS if kind == "reader" else HEADER_SECONDS


def _has_part_of_a_request(connection: object) -> bool:
    parser = getattr(connection, "conn", None)  # of h11
    return parser is not None and is_idle(connection) and bool(getattr(parser, "trailing_data", (b"",))[0])


def _unread(connection: object) -> int:
    """Return how many bytes of a response the client has not taken; 0 unless some of them wait in this process."""
    transport: asyncio.Transport | None = getattr(connection, "transport", None)
    size = transport.get_write_buffer_size() if transport is not None else 0
    return size + _queued(transport.get_extra_info("socket")) if transport is not None and size else 0


def _queued(sock: object) -> int:
    """Return how many bytes wait in the kernel: what a slow client takes shows there first.

    Source: tcp(7), SIOCOUTQ, which is TIOCOUTQ.
    """
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0])  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return 0
