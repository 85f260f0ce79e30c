"""Limit the memory that some code may add to this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ADDED_BYTES = 256 * 1024 * 1024
STATM = Path("/proc/self/statm")  # Linux only; elsewhere nothing is limited


@contextmanager
def limited_memory(added: int = ADDED_BYTES) -> Iterator[None]:
    """Raise MemoryError in the body when the process grows too much; only in the main thread.

    The limit is inherited by programs, and while other threads work, one of them may start a program.

    Args:
        added: Bytes of address space that the body may add.
    """
    import resource

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    soft, hard = _original()
    try:
        pages = int(STATM.read_bytes().split()[0])
    except OSError:
        yield
        return
    limit = pages * resource.getpagesize() + added
    if soft != resource.RLIM_INFINITY and soft <= limit:
        yield
        return
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        yield
    finally:
        restore_memory_limit()


def restore_memory_limit() -> None:
    """Restore the limit of the process.

    Called before a program is started, too: an exception from a signal could have ended `limited_memory` early.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_AS, _original())


@cache
def _original() -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)
