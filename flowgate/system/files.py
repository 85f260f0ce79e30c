"""Files: read, list, delete and hash them.

Writing is in `atomic_write`, logs in `log_files`, the lock in `locks`; their functions can be imported from here too.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system.atomic_write import read_bytes, read_bytes_or_none, write_atomic, write_in_place, write_private
from flowgate.system.disk_errors import (
    SHARED_FOLDER,
    NotRegularFile,
    free_bytes,
    make_own_folder,
    make_private_folder,
    translate_os_errors,
)
from flowgate.system.locks import exclusive_lock
from flowgate.system.log_files import append_line, read_from, rotate_in_place, tail
from flowgate.system.regular_files import decode, open_regular, read_text_bounded
from flowgate.system.sweeping import sweep_bug_files

__all__ = [
    "append_line",
    "delete",
    "digest",
    "discard",
    "exclusive_lock",
    "file_digest",
    "free_bytes",
    "is_executable",
    "is_special",
    "is_there",
    "listing",
    "make_private_folder",
    "read_bytes",
    "read_from",
    "read_text",
    "read_text_or_none",
    "require_listable",
    "rotate_in_place",
    "save_traceback",
    "tail",
    "write_atomic",
    "write_in_place",
    "write_private",
]


def read_text(path: Path) -> str:
    """Read a text file.

    Args:
        path: The file.

    Returns:
        Its text, with the line ends that it has.

    Raises:
        UsageError: It does not exist, is not a regular file, is larger than 64 MB, or is not UTF-8.
        DiskError: It cannot be read.
    """
    return read_text_bounded(path)


def read_text_or_none(path: Path) -> str | None:
    """Read a text file that may be missing.

    Args:
        path: The file.

    Returns:
        Its text; None if it does not exist.

    Raises:
        UsageError: It is not a regular file, is larger than 64 MB, or is not UTF-8.
        DiskError: It cannot be read.
    """
    with translate_os_errors(path):
        try:
            data = read_bytes_or_none(path)
        except NotRegularFile as error:
            raise UsageError(f"{path} {error.strerror}", fix="move it away, then run the command again") from None
    return None if data is None else decode(path, data)


def find_program(word: str, path: str | None) -> str | None:
    """Return the absolute path of a program; None if no folder of PATH contains it.

    Args:
        word: Its name.
        path: The value of PATH; None for that of this process.
    """
    return shutil.which(word, path=path)


def delete(paths: Iterable[Path]) -> list[Path]:
    """Delete files; ignore those that do not exist.

    Args:
        paths: The files.

    Returns:
        The deleted files.

    Raises:
        DiskError: One cannot be deleted.
    """
    deleted = []
    for path in paths:
        with translate_os_errors(path):
            try:
                path.unlink()
            except FileNotFoundError:
                continue
        deleted.append(path)
    return deleted


def discard(path: Path) -> bool:
    """Delete a file where that is possible; return whether nothing is there any more.

    Args:
        path: The file. A folder, or a file that cannot be deleted, stays.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def listing(folder: Path, pattern: str) -> list[Path]:
    """List the files of a folder.

    Args:
        folder: The folder; it may be missing.
        pattern: A glob pattern ("litellm-*.yaml").

    Returns:
        The files, newest first.

    Raises:
        DiskError: The folder cannot be read.
    """
    dated: list[tuple[int, str, Path]] = []
    require_listable(folder)
    with translate_os_errors(folder):
        for path in folder.glob(pattern):
            try:
                info = path.stat()
            except FileNotFoundError:  # deleted meanwhile
                continue
            if stat.S_ISREG(info.st_mode):
                dated.append((info.st_mtime_ns, path.name, path))
    return [path for _, _, path in sorted(dated, reverse=True)]


def require_listable(folder: Path) -> None:
    """Refuse a folder of somebody else; `Path.glob` finds nothing there and says nothing.

    Args:
        folder: The folder; it may be missing.

    Raises:
        DiskError: It cannot be listed.
    """
    with translate_os_errors(folder), suppress(FileNotFoundError, NotADirectoryError):
        next(folder.iterdir(), None)


def digest(text: str) -> str:
    """Return the first 12 hex digits of a text's SHA-256."""
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """Return a file's SHA-256 as 64 hex digits.

    Args:
        path: The file.

    Raises:
        DiskError: It cannot be read.
    """
    import hashlib

    with translate_os_errors(path), os.fdopen(open_regular(path), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_there(path: Path) -> bool:
    """Return whether a file or folder exists; a broken link does not."""
    try:
        return path.exists()
    except OSError:  # the name is too long
        return False


def is_taken(path: Path) -> bool:
    """Return whether anything has this name, a broken link included."""
    return os.path.lexists(path)


def is_special(path: Path) -> bool:
    """Return whether a path names a device, a FIFO or a socket."""
    return path.exists() and not path.is_file() and not path.is_dir()


def is_executable(path: Path) -> bool:
    """Return whether a path is a file that we may execute."""
    return path.is_file() and os.access(path, os.X_OK)


def save_traceback(text: str, *, shared: Path = SHARED_FOLDER) -> Path:
    """Save a traceback in a private file; the oldest of many are deleted.

    Args:
        text: The traceback.
        shared: The folder in which a private folder is created.

    Returns:
        The file.

    Raises:
        DiskError: It cannot be written.
    """
    folder = make_own_folder(shared / f"flowgate-{os.getuid()}")
    path = folder / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    write_atomic(path, text)
    sweep_bug_files(folder)
    return path
