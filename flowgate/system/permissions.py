"""Who may read and write what: the permissions of files and folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from flowgate.system.disk_errors import translate_os_errors

FOR_OTHERS = 0o077


def mode(path: Path) -> int | None:
    """Give the permission bits of what stands at a path, links followed; None when nothing does that we can see."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def is_own(path: Path) -> bool:
    """Say whether a path is a file or a folder of ours itself, and no link to another one."""
    try:
        about = path.lstat()
    except OSError:
        return False
    return about.st_uid == os.getuid() and (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode))


def change(path: Path, mode: int) -> None:
    """Give a file or a folder other permissions.

    Args:
        mode: The permission bits.

    Raises:
        DiskError: See the message.
    """
    with translate_os_errors(path):
        path.chmod(mode)


def is_writable(folder: Path) -> bool:
    """Say whether files can be made in a folder; for one that is not there yet, whether it could be made."""
    there = next((one for one in (folder, *folder.parents) if one.exists() or one.is_symlink()), Path("/"))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
