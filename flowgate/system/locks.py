"""The lock of a runtime folder: one changing command at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowgate.errors import LockTimeout
from flowgate.system.clock import Clock, poll
from flowgate.system.disk_errors import make_private_folder, translate_os_errors
from flowgate.system.log_files import is_at
from flowgate.system.regular_files import open_regular, read_bytes_bounded

POLL_SECONDS = 0.05
MAX_HOLDER_BYTES = 4096


@contextmanager
def exclusive_lock(
    path: Path, what: str, *, clock: Clock, timeout: float | None, on_wait: Callable[[str], None]
) -> Iterator[None]:
    """Hold a lock file while the body runs. The system releases it when the process ends, even by SIGKILL.

    Args:
        path: The lock file. Missing folders are created.
        what: What the holder does ("smoke"); written into the file for other commands.
        clock: Measures and waits.
        timeout: Seconds to wait for another holder; None waits forever.
        on_wait: Called once with the other holder ("'smoke' (pid 123)") before waiting.

    Raises:
        LockTimeout: Another command still holds the lock.
        DiskError: The file cannot be created.
    """
    make_private_folder(path.parent)
    lock = _try_lock(path)
    if lock is None:
        on_wait(_holder(path))
        lock = poll(lambda: _try_lock(path), clock, every=POLL_SECONDS, timeout=timeout)
    if lock is None:
        raise LockTimeout(
            f"{_holder(path)} is still changing {path.parent} after {timeout:g} s",
            fix="wait for it or stop it, then run the command again",
        )
    handle = lock[0]
    try:
        _write_holder(handle, f"{os.getpid()} {what}\n")
        yield
    finally:
        _write_holder(handle, "")
        os.close(handle)


def _write_holder(handle: int, text: str) -> None:
    with suppress(OSError):  # `stop` must work on a full disk too; others then cannot read who holds the lock
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(errors="replace"), 0)


def _try_lock(path: Path) -> tuple[int] | None:
    """Lock the file if it is free; return its descriptor in a tuple, which is truthy even for descriptor 0."""
    with translate_os_errors(path):
        while True:
            handle = open_regular(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return None
            except OSError:
                os.close(handle)
                raise
            if is_at(path, handle):
                return (handle,)
            os.close(handle)  # deleted meanwhile: another process would create and lock a new file


def _holder(path: Path) -> str:
    try:
        text = read_bytes_bounded(path, MAX_HOLDER_BYTES).decode(errors="replace")
        pid, _, what = text.strip().partition(" ")
    except OSError:
        pid, what = "", ""
    return f"'{what}' (pid {pid})" if pid else "another command"
