"""How many requests all workers of a generation serve at once, in memory that they share.

Each worker writes its own count. Near the limit it reads those of the others under a lock, so that two of them never
take the last place; far from it, and to give a place back, it needs none. The count of a worker that has ended is void.
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
from typing import Final

from flowgate.request_filter.places import Places
from flowgate.system import processes
from flowgate.system.processes import Identity

SLOTS = 256
NUMBER: Final = "q"
COLUMN_BYTES = SLOTS * struct.calcsize(NUMBER)
FAR = 64  # so many places from the limit, no lock is needed: each worker takes one at a time
# A worker that is stopped while it holds the lock must not stop the others; one that only
# waits for a processor is waited for.
LOCK_TRIES, LOCK_SPINS, LOCK_SECONDS = 100, 10, 0.001


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
        self._number = index % SLOTS
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, 3 * COLUMN_BYTES)
        columns = memoryview(mmap.mmap(self._file, 3 * COLUMN_BYTES)).cast(NUMBER)
        self._pids, self._ticks, self._counts = (columns[SLOTS * one : SLOTS * (one + 1)] for one in range(3))
        self._counts[self._number] = 0
        self._pids[self._number], self._ticks[self._number] = processes.identify(os.getpid()) or (os.getpid(), 0)

    def take(self, most: int) -> bool:
        """Count a request that begins, if fewer are in progress in all workers; see `Places.take`.

        Args:
            most: How many may be in progress in all workers.
        """
        if self._total() + FAR <= most:
            self.own += 1
            self._counts[self._number] = self.own
            return True
        with self._locked():
            if self._total() >= most and self._living() >= most:
                return False
            self.own += 1
            self._counts[self._number] = self.own
        return True

    def leave(self) -> None:
        """Count a request that has ended."""
        self.own -= 1
        self._counts[self._number] = self.own

    def _total(self) -> int:
        return sum(self._counts)

    def _living(self) -> int:
        """Return how many requests the workers that live have in progress; it asks for each of them."""
        found = [
            (Identity(*one), count) for *one, count in zip(self._pids, self._ticks, self._counts, strict=True) if count
        ]
        return sum(count for one, count in found if processes.alive(one))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        for attempt in range(LOCK_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_SECONDS if attempt >= LOCK_SPINS else 0)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
