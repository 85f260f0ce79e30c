"""How much space files and folders take, within a time limit."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Used(NamedTuple):
    """The space of some files.

    Attributes:
        size: Bytes on the disk.
        files: How many files.
        complete: All were counted; if not, it is at least that much.
    """

    size: int
    files: int
    complete: bool


def used_of(groups: Mapping[str, Iterable[Path]], seconds: float) -> dict[str, Used]:
    """Return the space of several groups of files, all of them within a time.

    Args:
        groups: The files and folders of each group; the first group is counted first.
        seconds: Stop after that time.
    """
    until = time.monotonic() + seconds
    return {name: used(paths, until) for name, paths in groups.items()}


def used(paths: Iterable[Path], until: float | None = None) -> Used:
    """Return the space that files and folders take; links are not followed.

    Args:
        paths: The files and folders; one that is missing, or cannot be read, counts nothing.
        until: Stop at that time of the monotonic clock; None for no limit.
    """
    size, count = 0, 0
    pending = [str(path) for path in paths]
    while pending:
        if until is not None and time.monotonic() > until:
            return Used(size, count, False)
        found, folders = _one(pending.pop())
        for info in found:
            size += info.st_blocks * 512
            count += not stat.S_ISDIR(info.st_mode)
        pending += folders
    return Used(size, count, True)


def _one(path: str) -> tuple[list[os.stat_result], list[str]]:
    """Return a file, or what is in a folder, and the folders in it."""
    found: list[os.stat_result] = []
    folders: list[str] = []
    with suppress(OSError):
        info = os.lstat(path)
        found.append(info)
        if stat.S_ISDIR(info.st_mode):
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        found.append(entry.stat(follow_symlinks=False))
    return found, folders
