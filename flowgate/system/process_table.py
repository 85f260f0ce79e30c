"""The process table: from /proc on Linux, from `psutil` elsewhere.

/proc saves the supervisor the memory of `psutil`, and only there the start time is exact.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from psutil import Process

T = TypeVar("T")
LINUX = sys.platform == "linux"
PROC = Path("/proc")
GONE = ("Z", "X")  # states of a zombie and of a dead process


class Row(NamedTuple):
    """One process.

    Attributes:
        pid: Its pid.
        parent: Its parent's pid.
        session: The pid of its session's leader; 0 if it is not visible.
        ticks: Its start time (Linux: clock ticks since boot; elsewhere: milliseconds).
        state: Its state as one letter.
    """

    pid: int
    parent: int
    session: int
    ticks: int
    state: str


def row(pid: int) -> Row | None:
    """Return one process; None if it does not exist."""
    return proc_row(pid) if LINUX else psutil_row(pid)


def rows() -> Iterator[Row]:
    """Yield all visible processes."""
    return (one for one in map(row, pids()) if one is not None)


def pids() -> list[int]:
    """Return the pids of all visible processes."""
    if LINUX:
        return [int(one.name) for one in PROC.iterdir() if one.name.isdigit()]
    import psutil

    return list(psutil.pids())


def argv(pid: int) -> list[str]:
    """Return a process's command line; empty if it is not visible."""
    return proc_argv(pid) if LINUX else psutil_argv(pid)


def environment(pid: int) -> dict[str, str] | None:
    """Return the environment with which a process was started; None if it is not visible."""
    return proc_environment(pid) if LINUX else psutil_environment(pid)


def owner_uid(pid: int) -> int | None:
    """Return the user id of a process; None if it does not exist."""
    return proc_owner_uid(pid) if LINUX else psutil_owner_uid(pid)


def age(ticks: int) -> float:
    """Return how many seconds ago a process started, whatever the clock was set to meanwhile.

    Args:
        ticks: Its start time, from its `Row`.
    """
    if LINUX:
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - ticks / 1000


def output_file(pid: int) -> Path | None:
    """Return the file that a process's output goes to; None if it is not visible, as on systems without /proc."""
    try:
        return (PROC / str(pid) / "fd" / "1").readlink()
    except OSError:
        return None


def memory(pid: int) -> int | None:
    """Return the resident memory of a process in bytes; None if it does not exist."""
    return proc_memory(pid) if LINUX else psutil_memory(pid)


def thread_states(pid: int) -> set[str]:
    """Return the states of a process's threads, each as one letter; empty where they are not visible."""
    return proc_thread_states(pid) if LINUX else set()


# --- /proc


def proc_row(pid: int) -> Row | None:
    """Read a process from /proc.

    Source: proc_pid_stat(5): field 2 is the name in parentheses, which may itself contain spaces and parentheses; the
        fields after its last parenthesis are 3 state, 4 ppid, 5 pgrp, 6 session … 22 starttime
    """
    try:
        fields = _stat(PROC / str(pid))
        return Row(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0].decode())
    except (OSError, IndexError):  # it has ended meanwhile
        return None


def _stat(folder: Path) -> list[bytes]:
    """Return the fields of a process or a thread, from the third one on."""
    return (folder / "stat").read_bytes().rpartition(b")")[2].split()


def proc_thread_states(pid: int) -> set[str]:
    """Read the states of a process's threads from /proc."""
    found = set()
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for folder in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError, IndexError):  # the thread has
                found.add(_stat(folder)[0].decode())
    return found


def proc_argv(pid: int) -> list[str]:
    """Read a command line from /proc."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in words.removesuffix(b"\0").split(b"\0")] if words else []


def proc_environment(pid: int) -> dict[str, str] | None:
    """Read an environment from /proc."""
    try:
        text = (PROC / str(pid) / "environ").read_bytes().decode(errors="surrogateescape")
    except OSError:
        return None
    return dict(one.split("=", 1) for one in text.split("\0") if "=" in one)


def proc_owner_uid(pid: int) -> int | None:
    """Read a user id from /proc."""
    try:
        return (PROC / str(pid)).stat().st_uid
    except OSError:
        return None


def proc_memory(pid: int) -> int | None:
    """Read the resident memory from /proc; the second field counts pages."""
    try:
        return int((PROC / str(pid) / "statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None


# --- psutil


def psutil_row(pid: int) -> Row | None:
    """Read a process through psutil."""
    import psutil

    def read(process: Process) -> Row:
        with process.oneshot():
            state = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T"}.get(process.status(), "R")
            return Row(pid, process.ppid(), _session(pid), int(process.create_time() * 1000), state)

    return _psutil(pid, read)


def psutil_argv(pid: int) -> list[str]:
    """Read a command line through psutil."""
    return _psutil(pid, lambda process: list(process.cmdline())) or []


def psutil_environment(pid: int) -> dict[str, str] | None:
    """Read an environment through psutil."""
    return _psutil(pid, lambda process: dict(process.environ()))


def psutil_owner_uid(pid: int) -> int | None:
    """Read a user id through psutil."""
    return _psutil(pid, lambda process: int(process.uids().real))


def psutil_memory(pid: int) -> int | None:
    """Read the resident memory through psutil."""
    return _psutil(pid, lambda process: int(process.memory_info().rss))


def _psutil(pid: int, read: Callable[[Process], T]) -> T | None:
    import psutil

    try:
        return read(psutil.Process(pid))
    except psutil.Error:
        return None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # some systems do not show another user's session
        return 0
