"""A file that others replace while it is in use: whether it has changed costs one `stat`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from flowgate.system.disk_errors import translate_os_errors
from flowgate.system.regular_files import decode, read_bytes_bounded

UNSETTLED_NS = 100_000_000  # two changes within one tick of the file system's clock may look like one
Signature = tuple[int, int, int, int, int]


class WatchedFile:
    """One file, and what it was when it was read last.

    Attributes:
        path: The file; it may be missing.
        limit: The largest number of bytes.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self._name = str(path)
        self._seen: Signature | int | None = None
        self._settled = False

    def has_changed(self) -> bool:
        """Return whether the file may have another content than at the last `read`; True before the first."""
        return not self._settled or self._signature() != self._seen

    def read(self) -> str | None:
        """Return the file's text; None if it does not exist.

        Raises:
            FlowGateError: It is no regular text file, is too large, or cannot be read.
        """
        self._seen = self._signature()
        changed_ns = self._seen[4] if isinstance(self._seen, tuple) else 0
        self._settled = abs(time.time_ns() - changed_ns) > UNSETTLED_NS
        with translate_os_errors(self.path):
            try:
                return decode(self.path, read_bytes_bounded(self.path, self.limit))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def _signature(self) -> Signature | int:
        """Return what changes with every write; the number of the error if there is none."""
        try:
            info = os.stat(self._name)  # noqa: PTH116 - half the time of Path.stat, and it is asked for every request
        except OSError as error:
            return error.errno or -1
        return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
