"""The lock of a runtime folder: one changing command at a time, and the others know for whom they wait."""

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

POLL_SECONDS = 0.05


@contextmanager
def exclusive_lock(
    path: Path, what: str, *, clock: Clock, timeout: float | None, on_wait: Callable[[str], None]
) -> Iterator[None]:
    """Hold a lock file while the body runs; the system lets go of it even when we are killed.

    Args:
        what: What the holder does ("smoke"), for others to read.
        timeout: Seconds to wait for another holder; None waits for ever.
        waiting: Told once for whom we wait ("'smoke' (pid 123)").

    Raises:
        LockTimeout: , naming the holder.
        DiskError: See the message.
    """
    make_private_folder(path.parent)
    taken = _take(path)
    if taken is None:
        on_wait(_holder(path))
        taken = poll(lambda: _take(path), clock, every=POLL_SECONDS, timeout=timeout)
    if taken is None:
        raise LockTimeout(
            f"{_holder(path)} is still changing {path.parent} after {timeout:g} s",
            fix="wait for it, or stop it, then run the command again",
        )
    handle = taken[0]
    try:
        _sign(handle, f"{os.getpid()} {what}\n")
        yield
    finally:
        _sign(handle, "")
        os.close(handle)


def _sign(handle: int, text: str) -> None:
    with suppress(OSError):  # on a full disk nobody can read who holds it; `stop` must work there all the same
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(errors="replace"), 0)


def _take(path: Path) -> tuple[int] | None:
    """Try once; None when somebody else holds it.

    Returns:
        The open file, in a tuple: 0 is an open file too, and false.
    """
    with translate_os_errors(path):
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
            os.close(handle)  # deleted before we had it: whoever made the next one would not see our lock


def _holder(path: Path) -> str:
    try:
        pid, _, what = path.read_text(errors="replace").strip().partition(" ")
    except OSError:
        pid, what = "", ""
    return f"'{what}' (pid {pid})" if pid else "another command"
