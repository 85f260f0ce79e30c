"""Temporary folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowgate.system import processes, replace_file
from flowgate.system.disk_errors import translate_os_errors


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
        _delete_stale_folders(parent, prefix)
        created = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-")).resolve()
    try:
        yield created
    finally:
        replace_file.delete_folder(created)


def _delete_stale_folders(parent: Path, prefix: str) -> None:
    for old in parent.glob(f"{prefix}*-*"):
        pid = old.name.removeprefix(prefix).partition("-")[0]
        if pid.isdigit() and old.is_dir() and old.stat().st_uid == os.getuid() and processes.identify(int(pid)) is None:
            replace_file.delete_folder(old)
