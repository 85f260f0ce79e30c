"""Reload of the config after its file was written in place."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from flowgate.embedded_upstream.regular_files import open_regular
from flowgate.embedded_upstream.settings import ConfigError, Settings, parse

LOOK_SECONDS = 0.05
SETTLE_SECONDS = 0.15  # the real program waits this long after a write before it reads the file


class ConfigWatcher:
    """Rereads the config when its file is written in place.

    A file renamed over it is never noticed: like the real program, this watches the inode.
    """

    def __init__(self, path: Path, use: Callable[[Settings], None], log: Callable[[str], None]) -> None:
        """Open the file and remember its present content.

        Args:
            path: The config file.
            use: Called with the settings of each changed config.
            log: Writes a log line.
        """
        self._file = os.fdopen(open_regular(path), "rb")  # kept open, so that the inode is watched
        self._use, self._log = use, log
        self._seen = self._stamp()
        self._digest = self._read()[0]

    def _stamp(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_mtime_ns, status.st_size

    def _read(self) -> tuple[str, str]:
        self._file.seek(0)
        data = self._file.read()
        return hashlib.sha256(data).hexdigest(), data.decode(errors="replace")

    async def watch(self) -> None:
        """Check the file until the task is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._stamp() == self._seen:
                continue
            await asyncio.sleep(SETTLE_SECONDS)
            self._seen = self._stamp()
            self._reload()

    def _reload(self) -> None:
        """Use the present config, unless it is unchanged, empty or invalid."""
        digest, content = self._read()
        if digest == self._digest or not content.strip():
            return
        self._digest = digest
        try:
            self._use(parse(content))
        except ConfigError as error:
            self._log(f"failed to reload config: {error}")
            return
        except OSError as error:
            self._log(f"config reloaded, but not rewritten: {error.strerror}")
            return
        self._log("config successfully reloaded, triggering client reload")
