"""Log files: append lines from several processes, rotate by size, read the end."""

from __future__ import annotations

import codecs
import fcntl
import os
from pathlib import Path

from flowgate.errors import DiskError
from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.regular_files import open_regular

PRIVATE_FILE = 0o600
BLOCK = 65536  # bytes read at once
MAX_TAIL_BLOCKS = 512
MAX_READ_BYTES = 8_000_000
ATTEMPTS = 1000  # to append while other processes rotate the file


def append_line(path: Path, line: str, *, max_bytes: int = 5_000_000, keep: int = 3) -> bool:
    """Append one line; several processes may do so at the same time.

    Args:
        path: The log file. Missing folders are created.
        line: The line; inner newlines are escaped.
        max_bytes: A file that would become larger is first renamed to `path.1`.
        keep: Number of older files to keep, at least 1; `path.1` is the newest.

    Returns:
        Whether the line was written. If not, no part of it was.
    """
    data = line.rstrip("\n").replace("\n", "\\n").encode(errors="backslashreplace") + b"\n"
    try:
        make_private_folder(path.parent)
        for _ in range(ATTEMPTS):
            handle = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
            try:
                written = _append(handle, path, data, max_bytes, keep)
            finally:
                os.close(handle)
            if written is not None:
                return written
    except (OSError, DiskError):
        return False
    return False


def _append(handle: int, path: Path, data: bytes, max_bytes: int, keep: int) -> bool | None:
    """Append under the file's lock; return None if the file was rotated, so that the caller opens the new one."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    size = os.fstat(handle).st_size
    if not is_at(path, handle):
        return None
    if size and size + len(data) > max_bytes:
        _rotate(path, path, keep)
        return None
    if size and os.pread(handle, 1, size - 1) != b"\n":  # a writer died within a line
        data = b"\n" + data
    if os.write(handle, data) == len(data):
        return True
    os.ftruncate(handle, size)  # the disk is full; half a line would be joined with the next one
    return False


def is_at(path: Path, handle: int) -> bool:
    """Return whether an open file is still the file at a path.

    Args:
        path: The path.
        handle: The open file's descriptor.
    """
    try:
        info = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(info, os.fstat(handle))


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _rotate(full: Path, path: Path, keep: int) -> None:
    """Rename a full file to `path.1`, `path.1` to `path.2` and so on; overwrite the oldest."""
    for number in range(keep - 1, 0, -1):
        if _older(path, number).exists():
            _older(path, number).replace(_older(path, number + 1))
    full.replace(_older(path, 1))


def rotate_in_place(path: Path, max_bytes: int, keep: int) -> bool:
    """Copy a large log to `path.1` and truncate it, for a program that keeps it open (O_APPEND).

    What the program writes in the microseconds between copy and truncation is lost.

    Args:
        path: The log file.
        max_bytes: A smaller file is left unchanged.
        keep: Number of older files to keep, at least 1.

    Returns:
        Whether the log was rotated: false for a small or missing file, and if the copy failed.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        copy = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        _copy(path, copy)
        _rotate(copy, path, keep)
        os.truncate(path, 0)
    except OSError:
        return False
    return True


def _copy(path: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with os.fdopen(open_regular(path), "rb") as source, os.fdopen(handle, "wb") as target:
            while block := source.read(BLOCK):
                target.write(block)
    except OSError:
        to.unlink(missing_ok=True)
        raise


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a file; read only as much of it as necessary, and never more than 32 MB.

    Args:
        path: The file; it may be missing.
        lines: The largest number of lines.

    Returns:
        The lines, oldest first.

    Raises:
        DiskError: It cannot be read.
    """
    blocks: list[bytes] = []
    newlines = 0
    with translate_os_errors(path):
        try:
            file = os.fdopen(open_regular(path), "rb")
        except (FileNotFoundError, NotADirectoryError):
            return []
        with file:
            position = file.seek(0, os.SEEK_END)
            while position and newlines <= lines and len(blocks) < MAX_TAIL_BLOCKS:
                size = min(BLOCK, position)
                position = file.seek(position - size)
                blocks.append(file.read(size))
                newlines += blocks[-1].count(b"\n")
    data = b"".join(reversed(blocks))
    found = data.removesuffix(b"\n").split(b"\n") if data else []
    return [line.decode(errors="replace").rstrip("\r") for line in found[-lines:]] if lines > 0 else []


def read_from(path: Path, position: int) -> tuple[str, int]:
    """Read what was appended to a file since a position; at most 8 MB at once.

    Args:
        path: The file.
        position: The position in bytes.

    Returns:
        The text and the next position, which is before a character that is not complete yet.

    Raises:
        DiskError: It cannot be read.
    """
    with translate_os_errors(path), os.fdopen(open_regular(path), "rb") as file:
        file.seek(position)
        data = file.read(MAX_READ_BYTES)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data)
    return text, position + len(data) - len(decoder.getstate()[0])
