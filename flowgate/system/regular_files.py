"""Open regular files only: a FIFO, a device or a folder in the place of a file is an error, never a wait.

Every reader and writer of the product opens files through this module.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system.disk_errors import NotRegularFile, translate_os_errors

MAX_BYTES = 64_000_000  # of a file that is read as a whole; no config, playbook or record is nearly as large
BLOCK = 262_144
KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file; links are followed.

    Args:
        path: The file.
        flags: Flags of `os.open`; `O_CLOEXEC` is added.
        mode: Permissions of a file that is created.

    Returns:
        The descriptor.

    Raises:
        NotRegularFile: Something else is there. It was not opened for longer than it takes to find out.
        OSError: The file cannot be opened.
    """
    require_regular(path)  # before it is opened: opening alone can change a device
    try:
        handle = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, mode)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads has appeared since
            raise _refusal(path, "a FIFO") from None
        if error.errno == errno.ENOENT and flags & os.O_CREAT and path.is_symlink():
            words = f"is a link to {path.readlink()}, which does not exist"
            raise NotRegularFile(errno.ENOENT, words, str(path)) from None
        raise
    try:
        kind = kind_of(os.fstat(handle).st_mode)
        if kind:
            raise _refusal(path, kind)
        os.set_blocking(handle, True)
    except OSError:
        os.close(handle)
        raise
    return handle


def refuse_to_replace(path: Path) -> None:
    """Refuse to rename a file over a FIFO, a device, a socket or a folder; a link is replaced.

    Args:
        path: Where the file is to go.

    Raises:
        NotRegularFile: Something that is not a file is there.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    kind = kind_of(mode)
    if kind and not stat.S_ISLNK(mode):
        raise _refusal(path, kind)


def read_bytes_bounded(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file as a whole.

    Args:
        path: The file.
        limit: The largest number of bytes.

    Raises:
        NotRegularFile: Something else is there, or the file is larger.
        OSError: The file cannot be read.
    """
    handle = open_regular(path)
    try:
        if os.fstat(handle).st_size > limit:
            raise _too_large(path, limit)
        data = bytearray()
        while block := os.read(handle, BLOCK):
            data += block
            if len(data) > limit:  # it grows, or its size is not known, as in /proc
                raise _too_large(path, limit)
        return bytes(data)
    finally:
        os.close(handle)


def read_text_bounded(path: Path, limit: int = MAX_BYTES) -> str:
    """Read a text file as a whole.

    Args:
        path: The file.
        limit: The largest number of bytes.

    Returns:
        Its text, with the line ends that it has.

    Raises:
        UsageError: It does not exist, is not a regular file, is larger, or is not UTF-8.
        DiskError: It cannot be read.
    """
    with translate_os_errors(path):
        try:
            data = read_bytes_bounded(path, limit)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"{path} does not exist", fix="correct the path, or create the file") from None
        except NotRegularFile as error:
            raise UsageError(f"{path} {error.strerror}", fix="move it away, or name another file") from None
    return decode(path, data)


def decode(path: Path, data: bytes) -> str:
    """Decode the content of a text file.

    Args:
        path: The file.
        data: Its content.

    Raises:
        UsageError: It is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        what = f"{path} is not a text file: invalid UTF-8 at byte {error.start + 1}"
        raise UsageError(what, fix="save it as UTF-8, or name another file") from None


def kind_of(mode: int) -> str:
    """Return what a mode of `stat` describes ("a FIFO"); empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return next((name for is_kind, name in KINDS if is_kind(mode)), "something else")


def require_regular(path: Path) -> None:
    """Refuse a path that names something else than a regular file, or a link to one; a missing file is not refused.

    Args:
        path: The file.

    Raises:
        NotRegularFile: Something else is there.
    """
    try:
        kind = kind_of(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):  # opening it says so, or creates it
        return
    if kind:
        raise _refusal(path, kind)


def _refusal(path: Path, kind: str) -> NotRegularFile:
    link = "a link to " if path.is_symlink() else ""
    return NotRegularFile(errno.EINVAL, f"is not a regular file: it is {link}{kind}", str(path))


def _too_large(path: Path, limit: int) -> NotRegularFile:
    return NotRegularFile(errno.EFBIG, f"is too large: more than {limit / 1e6:g} MB", str(path))
