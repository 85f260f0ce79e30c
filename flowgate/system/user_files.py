"""Configuration files of the user: written through links, with their permissions, in folders that may be missing."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system.atomic_write import PRIVATE_FILE, read_bytes_or_none, write_atomic, write_in_place
from flowgate.system.disk_errors import NotRegularFile, make_private_folder, translate_os_errors
from flowgate.system.regular_files import decode

FOR_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file as it is now.

    Attributes:
        path: The file, links followed.
        text: Its text; None if it does not exist.
        mode: Its permissions; those of a new file if it does not exist.
        has_other_names: Another name leads to it (a hard link), which would keep the old text if it were replaced.
    """

    path: Path
    text: str | None
    mode: int = PRIVATE_FILE
    has_other_names: bool = False

    @property
    def open_to_others(self) -> bool:
        """Return whether other users may read or write it."""
        return self.text is not None and bool(self.mode & FOR_OTHERS)


def look(path: Path) -> UserFile:
    """Read a file, or find where it would be.

    Args:
        path: The file; it, or a folder above it, can be a link.

    Raises:
        UsageError: It is a link to nothing or to itself, no regular file, or no text.
        DiskError: It cannot be read.
    """
    for one in (path, *path.parents):
        if one.is_symlink() and not _exists(one):
            fix = f"create what it names, or delete the link: rm {one}"
            raise UsageError(f"{one} is a link to {one.readlink()}, which does not exist", fix=fix)
    with translate_os_errors(path):
        target = path.resolve()
        try:
            data = read_bytes_or_none(target)
        except NotRegularFile as error:
            raise UsageError(f"{path} {error.strerror}", fix="move it away, then run the command again") from None
        if data is None:
            return UserFile(target, None)
        info = target.stat()
    return UserFile(target, decode(path, data), stat.S_IMODE(info.st_mode), info.st_nlink > 1)


def write(file: UserFile, text: str) -> list[Path]:
    """Write a file; its permissions stay, a new one is private.

    Args:
        file: The file as it was read.
        text: The new text.

    Returns:
        The folders that were created, the innermost first.

    Raises:
        DiskError: It cannot be written; it is as it was.
    """
    missing = [one for one in file.path.parents if not one.exists()]
    make_private_folder(file.path.parent)
    if file.has_other_names:
        write_in_place(file.path, text, mode=file.mode)
    else:
        write_atomic(file.path, text, mode=file.mode)
    return missing


def remove(path: Path, folders: list[Path]) -> None:
    """Delete a file, and the folders that were created for it if they are empty.

    Args:
        path: The file.
        folders: The folders, the innermost first.

    Raises:
        DiskError: The file cannot be deleted.
    """
    with translate_os_errors(path):
        path.unlink(missing_ok=True)
    remove_empty(folders)


def remove_empty(folders: list[Path]) -> None:
    """Delete folders that are empty; the first that is not ends it.

    Args:
        folders: The folders, the innermost first.
    """
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def repository_of(path: Path) -> Path | None:
    """Return the folder of the git repository in which a file is; None if it is in none.

    Args:
        path: The file.
    """
    return next((one for one in path.parents if _exists(one / ".git")), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a link to itself
        return False
