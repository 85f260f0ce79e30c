"""The client connections of a worker: accept as many as it has files for, and close idle ones to make room.

Source: asyncio (3.11 to 3.13) tries 2,048 times, with a log line each, when a process has no file left to accept with.
So this module accepts by itself.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import socket
import termios
from collections.abc import Callable, Collection, Iterable

from flowgate.domain.request_limits import RESERVED_FILES
from flowgate.supervisor.load_board import NOT_SERVING, LoadBoard

KEEP_ALIVE_SECONDS = 120.0  # Go's clients reuse a connection for 90 s, and find it cut if the server is less patient
ACCEPTED_AT_ONCE = 100
UNEVEN_SHARE = 8  # a worker may have an eighth more than another: else a busy one takes one in a turn of its loop
YIELD_SECONDS = 0.002  # how long a worker leaves a connection to those that have fewer
RETRY_SECONDS = 0.05
LOG_SECONDS = 30.0
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
HIGHEST_CONNECTIONS = 10_000
HIGHEST_IDLE = 2_000
SPARED_SECONDS = 0.25  # a connection that is idle for less is about to be used
LOG = logging.getLogger("uvicorn.error")


def most_connections(files: int) -> int:
    """Return how many connections to accept: each may need a second file, for the deployment.

    Args:
        files: How many files this process may have open.
    """
    return max(8, min(HIGHEST_CONNECTIONS, (files - RESERVED_FILES) // 2))


class IdleConnections:
    """Which connections carry no request, and since when."""

    def __init__(self, earliest: float = 0.0) -> None:
        """Create it.

        Args:
            earliest: What was idle before counts from then, by the loop's time.
        """
        self._since: dict[object, float] = {}
        self._earliest = earliest

    def update(self, connections: Collection[object], now: float) -> None:
        """Note which connections are idle.

        Args:
            connections: All connections.
            now: The loop's time.
        """
        idle = [one for one in connections if is_idle(one) and not is_closing(one)]
        began = {one: _used_until(one) or self._since.get(one) or now for one in idle}
        self._since = {one: max(self._earliest, since) for one, since in began.items()}

    def since(self, now: float, seconds: float) -> list[object]:
        """Return the connections that have been idle for some seconds, the longest first.

        Args:
            now: The loop's time.
            seconds: How long.
        """
        found = [one for one, began in self._since.items() if now - began >= seconds]
        return sorted(found, key=lambda one: self._since[one])


def is_idle(connection: object) -> bool:
    """Return whether a connection carries no request; a websocket always carries one."""
    cycle = getattr(connection, "cycle", connection)
    return cycle is None or bool(getattr(cycle, "response_complete", False))


def _used_until(connection: object) -> float | None:
    """Return when a connection's last response ended: uvicorn's time-out counts from then."""
    timer = getattr(connection, "timeout_keep_alive_task", None)
    when = getattr(timer, "when", None)  # of asyncio's timers, and of uvloop's
    return when() - KEEP_ALIVE_SECONDS if when is not None else None


def is_closing(connection: object) -> bool:
    """Return whether a connection is being closed."""
    transport = getattr(connection, "transport", None)
    return transport is not None and bool(transport.is_closing())


class PublicListener:
    """Accepts connections on the shared public listener.

    Attributes:
        is_open: Whether it accepts, or will again in a moment.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], asyncio.Protocol],
        connections: Collection[object],
        most: int,
        board: LoadBoard | None = None,
    ) -> None:
        """Create it; nothing is accepted yet.

        Args:
            listener: The listening socket.
            make: Creates the protocol of a connection.
            connections: The open connections, as uvicorn keeps them.
            most: How many connections to accept at most.
            board: Where the workers of a generation say how many connections they have; None if it has one worker.
        """
        self._board, self._is_patient = board, True
        self._listener, self._make, self._connections, self._most = listener, make, connections, most
        self._loop = asyncio.get_running_loop()
        self._idle = IdleConnections()
        self._accepted: set[asyncio.Task[object]] = set()
        self._logged_at = -LOG_SECONDS
        self.is_open = False

    @property
    def pending(self) -> int:
        """Return how many accepted sockets are no connections yet."""
        return len(self._accepted)

    def open(self) -> None:
        """Accept connections."""
        self._listener.setblocking(False)
        self.is_open = True
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more; connections that were accepted are served."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            if self._board is not None:
                self._board.write(NOT_SERVING)

    def report(self) -> None:
        """Tell the other workers of the generation how many connections this one has."""
        if self._board is not None and self.is_open:
            self._board.write(self._count())

    def _count(self) -> int:
        return len(self._connections) + len(self._accepted)

    def _leaves_it(self) -> bool:
        """Leave a connection to a worker that has fewer, unless that one has not taken it for a moment."""
        if self._board is None:
            return False
        self._board.write(self._count())
        fewest = self._board.fewest()
        if fewest is None or self._count() <= fewest + fewest // UNEVEN_SHARE or not self._is_patient:
            self._is_patient = True
            return False
        self._loop.remove_reader(self._listener.fileno())
        self._is_patient = False
        self._loop.call_later(YIELD_SECONDS, self._resume)
        return True

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if self._leaves_it():
                return
            if len(self._connections) + len(self._accepted) >= self._most:
                if not self._make_room():  # what is closed has gone in the loop's next turn, when this is called again
                    self._pause(f"{self._most} connections are open, as many as the limit of open files allows")
                return
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in SHORTAGES:
                    raise
                self._make_room()
                self._pause(error.strerror or "no file is left")
                return
            self._connect(sock)

    def _connect(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        task = self._loop.create_task(self._begin(sock))
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)

    async def _begin(self, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, sock)
        except OSError:  # the client has gone already
            sock.close()

    def _make_room(self) -> bool:
        """Close some of the connections that have been idle longest; return whether there were any."""
        now = self._loop.time()
        self._idle.update(self._connections, now)
        found = self._idle.since(now, SPARED_SECONDS)[: max(1, self._most // 16)]
        close_all(found)
        return bool(found)

    def tidy(self) -> None:
        """Close the connections that have been idle too long, and the oldest ones above the number to keep."""
        now = self._loop.time()
        self._idle.update(self._connections, now)
        spared = self._idle.since(now, SPARED_SECONDS)
        surplus = len(spared) - min(HIGHEST_IDLE, self._most // 2)
        close_all(spared[: max(0, surplus)])
        close_all(self._idle.since(now, KEEP_ALIVE_SECONDS + 1))  # uvicorn closes those that have been used

    def _pause(self, why: str) -> None:
        """Leave new connections in the listener's queue for a moment; say so, but not for each of them."""
        now = self._loop.time()
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            LOG.warning("flowgate: new connections wait: %s", why)
        self._loop.remove_reader(self._listener.fileno())
        self._loop.call_later(RETRY_SECONDS, self._resume)

    def _resume(self) -> None:
        if self.is_open:
            self._loop.add_reader(self._listener.fileno(), self._accept)


def close_all(connections: Iterable[object]) -> None:
    """Close idle connections.

    Args:
        connections: uvicorn's connections.
    """
    for one in connections:
        transport = getattr(one, "transport", None)
        if transport is not None and not _has_arrived(transport.get_extra_info("socket")):
            transport.close()


def _has_arrived(sock: object) -> bool:
    """Return whether a request waits in the kernel: a busy loop has not read it yet, and a close would reset it."""
    try:
        return any(fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0" * 4))  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False
