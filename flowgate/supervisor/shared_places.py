"""How many requests all workers of a generation serve at once, in memory that they share.

Each worker writes its own count. It reads those of the others under a lock, so that two of them never take the last
place; to give a place back needs none. The count of a worker that has ended is void.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from flowgate.request_filter.places import Places
from flowgate.system import processes
from flowgate.system.processes import Identity

SLOTS = 256
SLOT = struct.Struct("<qqq")  # pid, start time, requests in progress
LOCK_TRIES = 50  # a worker that is stopped while it holds the lock must not stop the others


class SharedPlaces(Places):
    """The requests in progress of one worker, as the others of its generation see them."""

    def __init__(self, path: Path, index: int) -> None:
        """Open the memory; create it if it is missing.

        Args:
            path: The file that all workers of the generation map.
            index: Which of them this is.

        Raises:
            OSError: It cannot be created.
        """
        super().__init__()
        self._me = processes.identify(os.getpid()) or Identity(os.getpid(), 0)
        self._at = index % SLOTS * SLOT.size
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, SLOTS * SLOT.size)
        self._memory = mmap.mmap(self._file, SLOTS * SLOT.size)
        self._write()

    def take(self, most: int) -> bool:
        """Count a request that begins, if fewer are in progress in all workers; see `Places.take`.

        Args:
            most: How many may be in progress in all workers.
        """
        with self._locked():
            if self._total() >= most and self._living() >= most:
                return False
            self.own += 1
            self._write()
        return True

    def leave(self) -> None:
        """Count a request that has ended."""
        self.own -= 1
        self._write()

    def _write(self) -> None:
        SLOT.pack_into(self._memory, self._at, *self._me, self.own)

    def _total(self) -> int:
        return sum(count for pid, _, count in SLOT.iter_unpack(self._memory) if pid)

    def _living(self) -> int:
        """Return how many requests the workers that live have in progress; it asks for each of them."""
        found = [Identity(pid, ticks) for pid, ticks, count in SLOT.iter_unpack(self._memory) if pid and count]
        living = {one for one in found if processes.alive(one)}
        return sum(count for pid, ticks, count in SLOT.iter_unpack(self._memory) if Identity(pid, ticks) in living)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        for _ in range(LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
