"""Write files so that neither a reader nor a crash ever sees half of one."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.regular_files import open_regular, read_bytes_bounded, refuse_to_replace

PRIVATE_FILE = 0o600
_writing = threading.Lock()  # the temp file's name contains the pid only, so threads write one after another


def write_atomic(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> bool:
    """Replace a file by a new one. A reader, or a crash, sees the old text or the new one.

    Args:
        path: The file. Missing folders are created (0700).
        text: The new text.
        mode: The file's permissions, whatever the umask.

    Returns:
        Whether anything was written: false if text and permissions are the same already.

    Raises:
        DiskError: It cannot be written. The old file is unchanged, and no temp file is left.
    """
    return write_bytes_atomic(path, text.encode(), mode=mode)


def write_bytes_atomic(path: Path, data: bytes, *, mode: int = PRIVATE_FILE) -> bool:
    """Replace a file by a new one, as `write_atomic` does.

    Args:
        path: The file. Missing folders are created (0700).
        data: The new content.
        mode: The file's permissions, whatever the umask.

    Returns:
        Whether anything was written: false if content and permissions are the same already.

    Raises:
        DiskError: It cannot be written. The old file is unchanged, and no temp file is left.
    """
    make_private_folder(path.parent)
    with translate_os_errors(path), _writing:
        refuse_to_replace(path)
        _delete_stale_temp_files(path)
        if _is_same(path, data, mode):
            return False
        temp = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
            try:
                _write(handle, data, mode)
            finally:
                os.close(handle)
            temp.replace(path)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
    return True


def write_in_place(path: Path, text: str, *, mode: int = PRIVATE_FILE) -> bool:
    """Overwrite a file and keep its inode, for a program that watches it; create a missing file.

    The file is never empty in between. If the disk is full, the old text is restored.

    Args:
        path: The file. Missing folders are created (0700).
        text: The new text.
        mode: The file's permissions, whatever the umask.

    Returns:
        Whether anything was written: false if text and permissions are the same already.

    Raises:
        DiskError: It cannot be written.
    """
    data = text.encode()
    make_private_folder(path.parent)
    with translate_os_errors(path):
        if _is_same(path, data, mode):
            return False
        old = read_bytes_or_none(path)
        handle = open_regular(path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
        try:
            _write(handle, data, mode)
        except OSError:
            if old is not None:
                os.lseek(handle, 0, os.SEEK_SET)
                _write(handle, old, mode)
            raise
        finally:
            os.close(handle)
    return True


def read_bytes_or_none(path: Path) -> bytes | None:
    """Read a file.

    Args:
        path: The file.

    Returns:
        Its content; None if it does not exist.

    Raises:
        NotRegularFile: Something else is there, or the file is larger than 64 MB.
    """
    try:
        return read_bytes_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_bytes(path: Path) -> bytes:
    """Read a file of any content.

    Args:
        path: The file.

    Raises:
        DiskError: It cannot be read, is not a regular file, or is larger than 64 MB.
    """
    with translate_os_errors(path):
        return read_bytes_bounded(path)


def write_private(path: Path, blocks: Iterable[bytes]) -> None:
    """Create a file (0600) from blocks of bytes.

    Args:
        path: The file; it must not exist.
        blocks: Its content.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)


def _write(handle: int, data: bytes, mode: int) -> None:
    os.fchmod(handle, mode)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.ftruncate(handle, len(data))
    os.fsync(handle)


def _is_same(path: Path, data: bytes, mode: int) -> bool:
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    comparable = stat.S_ISREG(info.st_mode) and stat.S_IMODE(info.st_mode) == mode and info.st_size == len(data)
    return comparable and read_bytes_or_none(path) == data


def _delete_stale_temp_files(path: Path) -> None:
    """Delete temp files of killed writers. One with our own pid belongs to an earlier process with that pid."""
    # No glob: the standard library caches every pattern, and the supervisor writes files with ever new names.
    prefix = f".{path.name}."
    for temp in path.parent.iterdir():
        if not (temp.name.startswith(prefix) and temp.name.endswith(".tmp")):
            continue
        pid = temp.name.removeprefix(prefix).removesuffix(".tmp")
        if pid.isdigit() and (int(pid) == os.getpid() or not _is_running(int(pid))):
            temp.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
