"""Replace a program by another one: atomically, and the previous one is kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.regular_files import refuse_to_replace, require_regular


def replace(new: Path, target: Path, previous: Path | None) -> None:
    """Move a file to a path, and keep the file that was there.

    Args:
        new: The file to move; on the same file system as `target`.
        target: The path. Missing folders are created.
        previous: Where to keep the old file, replacing an older one; None to delete it.

    Raises:
        DiskError: It failed. `target` is still the old file.
    """
    make_private_folder(target.parent)
    with translate_os_errors(target):
        if previous and target.is_file():
            _copy(target, previous)
        refuse_to_replace(target)
        new.replace(target)
        sync_folder(target.parent)


def swap(target: Path, previous: Path) -> None:
    """Swap a file with its previous version. If one of them is missing, the other one moves.

    Args:
        target: The file.
        previous: Its previous version.

    Raises:
        DiskError: It failed.
    """
    temp = target.with_name(f".{target.name}.aside")
    with translate_os_errors(target):
        exists = target.is_file()
        if exists:
            _copy(target, temp)
        if previous.is_file():
            previous.replace(target)
        else:
            target.unlink(missing_ok=True)
        if exists:
            temp.replace(previous)
        sync_folder(target.parent)


def copy_program(source: Path, into: Path) -> None:
    """Copy a program (0700).

    Args:
        source: The program.
        into: The copy; deleted again if copying fails.

    Raises:
        DiskError: It failed.
    """
    try:
        with translate_os_errors(source):
            require_regular(source)
        with translate_os_errors(into):
            shutil.copyfile(source, into)
            into.chmod(0o700)
    except BaseException:
        into.unlink(missing_ok=True)
        raise


def delete_folder(folder: Path) -> None:
    """Delete a folder with its content; delete a link, but not the folder to which it points.

    Args:
        folder: The folder; it may be missing.

    Raises:
        DiskError: It cannot be deleted.
    """
    with translate_os_errors(folder):
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)


def _copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it, so that `source` exists at every moment."""
    temp = target.with_name(f".{target.name}.half")
    temp.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temp)
        except OSError:  # a file system without links
            shutil.copy2(source, temp)
        temp.replace(target)
    finally:
        temp.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Write the folder's entries to the disk; otherwise a power failure could restore the old names."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
