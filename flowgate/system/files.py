"""Files: read as text, written whole and private, named by their content.

Logs are in `lines`, the lock in `locks`; their names are here too, so that a user of files needs one import.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system.disk_errors import SHARED, free_bytes, make_own_folder, make_private_folder, translate_os_errors
from flowgate.system.locks import exclusive_lock
from flowgate.system.log_files import append_line, read_from, rotate_in_place, tail

__all__ = [
    "append_line",
    "delete",
    "digest",
    "exclusive_lock",
    "file_digest",
    "free_bytes",
    "is_executable",
    "is_there",
    "listing",
    "make_private_folder",
    "read_from",
    "read_text",
    "read_text_or_none",
    "rotate_in_place",
    "save_traceback",
    "tail",
    "write_atomic",
    "write_in_place",
]

PRIVATE_FILE = 0o600
_writing = threading.Lock()  # the temp file is named by the process, so its threads take turns


def read_text(path: Path) -> str:
    """Read a file.

    Raises:
        UsageError: It is absent, a folder, or not UTF-8.
        DiskError: It may not be read.
    """
    text = read_text_or_none(path)
    if text is None:
        raise UsageError(f"{path} is not there")
    return text


def read_text_or_none(path: Path) -> str | None:
    """Read a file; None when it is absent.

    Raises:
        UsageError: It is a folder or not UTF-8.
        DiskError: It may not be read.
    """
    with translate_os_errors(path):
        try:
            data = _bytes(path)
        except IsADirectoryError:
            raise UsageError(f"{path} is a folder, not a file") from None
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError as fault:
        raise UsageError(f"{path} is not UTF-8 text (byte {fault.start + 1} is none of it)") from None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_atomic(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> bool:
    """Write a file so that a reader, or a crash, finds the old text or the new one, never half of either.

    Args:
        mode: Its permissions, whatever the umask; folders that are missing are made 0700.

    Returns:
        False when it said that already, with that mode; nothing is written then.

    Raises:
        DiskError: See the message.
        FlowGateError: The old file is still there and no other is left behind.
    """
    data = text.encode()
    make_private_folder(path.parent)
    with translate_os_errors(path), _writing:
        _sweep(path)
        if _says(path, data, mode):
            return False
        fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
            try:
                _put(handle, data, mode)
            finally:
                os.close(handle)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    return True


def write_in_place(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> bool:
    """Write into the file that is there, for a reader that watches the inode; a missing one is made.

    It is never empty in between: the reader may look at any moment, and on a full disk the old text is put back.

    Returns:
        False when it said that already, with that mode.

    Raises:
        DiskError: See the message.
    """
    data = text.encode()
    make_private_folder(path.parent)
    with translate_os_errors(path):
        if _says(path, data, mode):
            return False
        old = _bytes(path)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            _put(handle, data, mode)
        except OSError:
            if old is not None:
                os.lseek(handle, 0, os.SEEK_SET)
                _put(handle, old, mode)
            raise
        finally:
            os.close(handle)
    return True


def _put(handle: int, data: bytes, mode: int) -> None:
    os.fchmod(handle, mode)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.ftruncate(handle, len(data))
    os.fsync(handle)


def _says(path: Path, data: bytes, mode: int) -> bool:
    try:
        about = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    like = stat.S_ISREG(about.st_mode) and stat.S_IMODE(about.st_mode) == mode and about.st_size == len(data)
    return like and _bytes(path) == data


def _sweep(path: Path) -> None:
    """Delete the temp files of writers that were killed; our own number on one means a writer long dead."""
    # No pattern: the keeper writes files of ever new names, and each pattern would be kept by the standard library.
    start = f".{path.name}."
    for old in path.parent.iterdir():
        if not (old.name.startswith(start) and old.name.endswith(".tmp")):
            continue
        number = old.name.removeprefix(start).removesuffix(".tmp")
        if number.isdigit() and (int(number) == os.getpid() or not _is_running(int(number))):
            old.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def delete(paths: Iterable[Path]) -> list[Path]:
    """Delete files; those that are gone already do not matter.

    Returns:
        Those that were there.

    Raises:
        DiskError: See the message.
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


def listing(folder: Path, pattern: str) -> list[Path]:
    """List the files of a folder that match a pattern ("litellm-*.yaml"), newest first; none when it is absent.

    Raises:
        DiskError: See the message.
    """
    dated: list[tuple[int, str, Path]] = []
    with translate_os_errors(folder):
        for path in folder.glob(pattern):
            try:
                about = path.stat()
            except FileNotFoundError:  # deleted while we looked
                continue
            if stat.S_ISREG(about.st_mode):
                dated.append((about.st_mtime_ns, path.name, path))
    return [path for _, _, path in sorted(dated, reverse=True)]


def digest(text: str) -> str:
    """Name a text by its content: the first 12 hex digits of its sha256."""
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """Give a file's sha256, all 64 hex digits.

    Raises:
        DiskError: See the message.
    """
    import hashlib

    with translate_os_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_there(path: Path) -> bool:
    """Say whether a file or a folder is there; a link that leads nowhere is not."""
    return path.exists()


def is_executable(path: Path) -> bool:
    """Say whether a file is there and we may run it."""
    return path.is_file() and os.access(path, os.X_OK)


def save_traceback(text: str, *, shared: Path = SHARED) -> Path:
    """Keep a bug's traceback where only we can read it.

    Args:
        shared: The folder under which a private one is made.

    Returns:
        The file.

    Raises:
        DiskError: See the message.
    """
    folder = make_own_folder(shared / f"flowgate-{os.getuid()}")
    path = folder / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    write_atomic(path, text)
    return path
