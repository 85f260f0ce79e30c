"""Temporary folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.system import processes, replace_file
from flowgate.system.disk_errors import translate_os_errors

REHEARSAL = "flowgate-rehearsal-"  # the beginning of the names of rehearsals' folders


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """Create a private folder, and delete it with its content after the body.

    Folders of processes that were killed are deleted first.

    Args:
        prefix: The beginning of the folder's name.

    Raises:
        DiskError: It cannot be created.
    """
    parent = Path(tempfile.gettempdir())
    with translate_os_errors(parent):
        sweep(prefix)
        created = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-")).resolve()
    try:
        yield created
    finally:
        replace_file.delete_folder(created)


def stale_folders(prefix: str) -> list[Path]:
    """Return this user's temporary folders whose processes have ended.

    Args:
        prefix: The beginning of the folders' names.
    """
    found = []
    for old in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        pid = old.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and old.is_dir() and old.stat().st_uid == os.getuid() and processes.identify(int(pid)) is None:
            found.append(old)
    return found


def sweep(prefix: str) -> list[Path]:
    """Delete this user's temporary folders whose processes have ended.

    Args:
        prefix: The beginning of the folders' names.

    Returns:
        The deleted folders.
    """
    stale = stale_folders(prefix)
    for old in stale:
        replace_file.delete_folder(old)
    return stale
