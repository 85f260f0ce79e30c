"""See that the files of a config have changed: by their content, so that a touched file or a swapped link is no change.

A file is read only if its status differs from the last look, or is so young that a second write could have left the
same one. There is no notification of the kernel to miss: a ConfigMap is a link to a folder that is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flowgate.supervisor import config_record
from flowgate.system.clock import Clock

EVERY_SECONDS = 2.0
SETTLE_SECONDS = 0.5  # a change counts when two looks this far apart find the same
YOUNG_SECONDS = 4.0  # coarser than the time stamps of every file system in use

Status = tuple[int, int, int, int, int]


class ConfigWatch:
    """The files of a config, and what they contained when it was read."""

    def __init__(self, clock: Clock, digest: Callable[[Path], str] = config_record.digest) -> None:
        """Create it; it watches nothing before `applied`.

        Args:
            clock: Tells how old a file is.
            digest: Returns the digest of a file.
        """
        self._clock, self._digest = clock, digest
        self._known: dict[str, str] = {}
        self._pending: dict[str, str] | None = None
        self._looks: dict[str, tuple[Status | None, str]] = {}

    @property
    def next_look(self) -> float:
        """Seconds until the next look: sooner while a change settles."""
        return EVERY_SECONDS if self._pending is None else SETTLE_SECONDS

    def applied(self, files: Mapping[str, str]) -> None:
        """Take what a start or reload has read as known, whether it was accepted or not.

        Args:
            files: Path → digest; empty if it did not come so far.
        """
        if files:
            self._known, self._pending = dict(files), None

    def changed(self) -> bool:
        """Look at the files; return True once for a change, when it has settled."""
        found = {path: self._look(path) for path in self._known}
        if found == self._known:
            self._pending = None
            return False
        settled, self._pending = found == self._pending, found
        if settled:
            self._known, self._pending = found, None
        return settled

    def _look(self, path: str) -> str:
        status = _status(path)
        before = self._looks.get(path)
        if before is None or before[0] != status or self._is_young(status):
            self._looks[path] = (status, self._digest(Path(path)))
        return self._looks[path][1]

    def _is_young(self, status: Status | None) -> bool:
        return status is not None and abs(self._clock.wall().timestamp() - status[4] / 1e9) < YOUNG_SECONDS


def _status(path: str) -> Status | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
