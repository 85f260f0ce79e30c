"""Logs: whole lines appended by several processes, cut by size, read from their end."""

from __future__ import annotations

import codecs
import fcntl
import os
from pathlib import Path

from flowgate.errors import DiskError
from flowgate.system.disk_errors import make_private_folder, translate_os_errors

PRIVATE_FILE = 0o600
BLOCK = 65536  # bytes read at once
TRIES = 1000  # how often a file may be moved away under an appender before it gives up


def append_line(path: Path, line: str, *, max_bytes: int = 5_000_000, keep: int = 3) -> bool:
    """Append one whole line; several processes may do so at once.

    Args:
        max_bytes: A file that would grow beyond it is renamed to `path.1` first.
        keep: How many older files stay, one at least (`path.1` is the newest of them).

    Returns:
        False when the disk refused; then nothing of the line is there.
    """
    data = line.rstrip("\n").replace("\n", "\\n").encode(errors="backslashreplace") + b"\n"
    try:
        make_private_folder(path.parent)
        for _ in range(TRIES):
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
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
    """Append under the file's lock; None when the file was, or had to be, moved away: open the next one."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    size = os.fstat(handle).st_size
    if not is_at(path, handle):
        return None
    if size and size + len(data) > max_bytes:
        _push(path, path, keep)
        return None
    if size and os.pread(handle, 1, size - 1) != b"\n":  # somebody died within a line: do not glue ours to it
        data = b"\n" + data
    if os.write(handle, data) == len(data):
        return True
    os.ftruncate(handle, size)  # the disk is full; half a line would spoil the next one
    return False


def is_at(path: Path, handle: int) -> bool:
    """Say whether an open file is still the one at `path`."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(about, os.fstat(handle))


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _push(full: Path, path: Path, keep: int) -> None:
    """Make a full file the newest of the older ones, `path.1`; the oldest falls off the end."""
    for number in range(keep - 1, 0, -1):
        if _older(path, number).exists():
            _older(path, number).replace(_older(path, number + 1))
    full.replace(_older(path, 1))


def rotate_in_place(path: Path, max_bytes: int, keep: int) -> bool:
    """Copy a log that has grown too large to `path.1` and empty it, for a writer that holds it open (O_APPEND).

    What is written between the copy's last byte and the emptying is lost: some microseconds.

    Args:
        max_bytes: Up to this size it is left alone.
        keep: How many older files stay, one at least.

    Returns:
        False when nothing had to be done, or the disk refused.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        copy = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        _copy(path, copy)
        _push(copy, path, keep)
        os.truncate(path, 0)
    except OSError:
        return False
    return True


def _copy(path: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        with path.open("rb") as source, os.fdopen(handle, "wb") as target:
            while block := source.read(BLOCK):
                target.write(block)
    except OSError:
        to.unlink(missing_ok=True)
        raise


def tail(path: Path, lines: int) -> list[str]:
    """Give the last lines of a file, oldest first; none when it is absent. Reads no more of it than it must.

    Raises:
        DiskError: See the message.
    """
    blocks: list[bytes] = []
    breaks = 0
    with translate_os_errors(path):
        try:
            file = path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return []
        with file:
            position = file.seek(0, os.SEEK_END)
            while position and breaks <= lines:
                step = min(BLOCK, position)
                position = file.seek(position - step)
                blocks.append(file.read(step))
                breaks += blocks[-1].count(b"\n")
    found = b"".join(reversed(blocks))
    whole = found.removesuffix(b"\n").split(b"\n") if found else []
    return [line.decode(errors="replace").rstrip("\r") for line in whole[-lines:]] if lines > 0 else []


def read_from(path: Path, position: int) -> tuple[str, int]:
    """Read what was added to a file since a position in bytes.

    Returns:
        The text and the next position; a character of which only a part is there yet is left for the next
        time.

    Raises:
        DiskError: See the message.
    """
    with translate_os_errors(path), path.open("rb") as file:
        file.seek(position)
        data = file.read()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    text = decoder.decode(data)
    return text, position + len(data) - len(decoder.getstate()[0])
