"""Permissions of files and folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from flowgate.system.disk_errors import translate_os_errors

FOR_OTHERS = 0o077


def mode(path: Path) -> int | None:
    """Return the permission bits of a file or folder, following links; None if it is missing or not accessible."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def is_own(path: Path) -> bool:
    """Return whether a path is a file or folder that we own, not a link."""
    try:
        info = path.lstat()
    except OSError:
        return False
    return info.st_uid == os.getuid() and (stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode))


def change(path: Path, mode: int) -> None:
    """Change the permissions of a file or folder.

    Args:
        path: The file or folder.
        mode: The permission bits.

    Raises:
        DiskError: They cannot be changed.
    """
    with translate_os_errors(path):
        path.chmod(mode)


def is_writable(folder: Path) -> bool:
    """Return whether we can create files in a folder; if it does not exist, whether we can create it."""
    existing = next((one for one in (folder, *folder.parents) if one.exists() or one.is_symlink()), Path("/"))
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
