"""How many connections each worker of a generation has, in memory that they share, so that they accept evenly.

The kernel wakes every worker for a new connection, and the quickest one takes it: measured with four workers and 24
kept connections, one had 18 of them. So a worker that has more than another one leaves a connection in the queue for a
moment.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

SLOTS = 256
SLOT = struct.Struct("<dq")  # when it was written, number of connections
NOT_SERVING = -1
FRESH_SECONDS = 1.0  # a worker that has written nothing for longer is stuck, or has ended


class LoadBoard:
    """The numbers of connections of the workers of one generation."""

    def __init__(self, path: Path, index: int, now: Callable[[], float] = time.monotonic) -> None:
        """Open the memory; create it if it is missing.

        Args:
            path: The file that all workers of the generation map.
            index: Which of them this is.
            now: Monotonic seconds, the same in all processes.

        Raises:
            OSError: It cannot be created.
        """
        self._own, self._now = index % SLOTS * SLOT.size, now
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, SLOTS * SLOT.size)
            self._memory = mmap.mmap(file, SLOTS * SLOT.size)
        finally:
            os.close(file)

    def write(self, connections: int) -> None:
        """Say how many connections this worker has.

        Args:
            connections: Their number; NOT_SERVING if it accepts none.
        """
        SLOT.pack_into(self._memory, self._own, self._now(), connections)

    def fewest(self) -> int | None:
        """Return the lowest number of connections of another worker that accepts; None if there is none."""
        earliest, found = self._now() - FRESH_SECONDS, None
        for number, (written, connections) in enumerate(SLOT.iter_unpack(self._memory)):
            if written < earliest or connections == NOT_SERVING or number * SLOT.size == self._own:
                continue
            found = connections if found is None else min(found, connections)
        return found
