"""Workers that a fork server forks in advance: each waits, and becomes a worker when it gets its descriptors.

A fork copies the page tables of a large process, twice: measured with 300 MB under load, 80 to 170 ms. A worker that
has been killed is so replaced sooner, and a generation of several starts all of them at once. A spare one shares nearly
all of its memory with the fork server.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from dataclasses import dataclass

BEGIN = b"+"
MOST_DESCRIPTORS = 8


class Begins(BaseException):
    """Raised in a forked process that becomes a worker.

    Attributes:
        descriptors: What it has received.
    """

    def __init__(self, descriptors: list[int]) -> None:
        super().__init__()
        self.descriptors = descriptors


@dataclass(frozen=True, slots=True)
class SpareWorker:
    """A process that waits to become a worker, as its fork server sees it.

    Attributes:
        pid: Its pid.
        channel: Where it waits for its descriptors; it exits when this is closed.
    """

    pid: int
    channel: socket.socket

    def begin(self, descriptors: list[int]) -> int:
        """Let it become a worker; return its pid, 0 if it has ended meanwhile.

        Args:
            descriptors: What it gets.
        """
        with self.channel, contextlib.suppress(OSError):
            socket.send_fds(self.channel, [BEGIN], descriptors)
            return self.pid
        return 0


def fork(inherited: Collection[socket.socket], descriptors: Collection[int] = ()) -> SpareWorker | None:
    """Fork twice, so that the process becomes a child of the supervisor, which adopts orphans.

    Args:
        inherited: The fork server's connections, to the supervisor and to other spare workers: not the worker's.
        descriptors: What else is open and not the worker's.

    Returns:
        The process; None if the system refuses.

    Raises:
        Begins: In the process itself, once it is to be a worker.
    """
    ours, theirs = socket.socketpair()
    try:
        middle = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        return None
    if middle == 0:
        _fork_again((*inherited, ours), descriptors, theirs)
    theirs.close()
    told = ours.recv(32)
    os.waitpid(middle, 0)  # now the other one is the supervisor's child
    if not told:
        ours.close()
        return None
    return SpareWorker(int(told), ours)


def _fork_again(inherited: Collection[socket.socket], descriptors: Collection[int], theirs: socket.socket) -> None:
    with contextlib.suppress(OSError):
        if os.fork() == 0:
            for one in inherited:
                one.close()
            for descriptor in descriptors:
                os.close(descriptor)
            raise Begins(_wait(theirs))
    os._exit(0)


def _wait(channel: socket.socket) -> list[int]:
    """Wait until this process is to be a worker; exit when its fork server has gone."""
    os.setsid()
    with channel:
        channel.sendall(str(os.getpid()).encode())
        data, descriptors, _, _ = socket.recv_fds(channel, len(BEGIN), MOST_DESCRIPTORS)
    if not data:
        os._exit(0)
    return descriptors
