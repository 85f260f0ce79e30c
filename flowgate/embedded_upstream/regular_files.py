"""Read and write regular files only: a FIFO or a device in the place of a file is an error, never a wait.

The program has one thread: a file whose opening waits would stop every client.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 64_000_000  # no config and no auth file is nearly as large


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file; links are followed.

    Args:
        path: The file.
        flags: Flags of `os.open`.
        mode: Permissions of a file that is created, less the umask.

    Returns:
        The descriptor.

    Raises:
        OSError: The file cannot be opened, or is something else.
    """
    try:
        _require_regular(path.stat().st_mode, path)  # before it is opened: opening alone can change a device
    except (FileNotFoundError, NotADirectoryError):
        pass  # opening it says so, or creates it
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, mode)
    try:
        _require_regular(os.fstat(handle).st_mode, path)
    except OSError:
        os.close(handle)
        raise
    return handle


def read_bytes(path: Path) -> bytes:
    """Read a file as a whole.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read, is something else, or is too large.
    """
    with os.fdopen(open_regular(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"is larger than {MAX_BYTES // 1_000_000} MB", str(path))
    return data


def read_text(path: Path) -> str:
    """Read a text file as a whole.

    Args:
        path: The file.

    Raises:
        OSError: As in `read_bytes`.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_bytes(path).decode()


def write(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Truncate a file and write it; its inode stays.

    Args:
        path: The file.
        data: The new content.
        mode: Permissions of a file that is created, less the umask.

    Raises:
        OSError: It cannot be written, or is something else.
    """
    with os.fdopen(open_regular(path, os.O_WRONLY | os.O_CREAT, mode), "wb") as file:
        file.truncate()
        file.write(data)


def _require_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Is not a regular file", str(path))
