"""The process table: straight from /proc on Linux, through `psutil` elsewhere.

Not through `psutil` everywhere: the keeper stays small without it, and start ticks are exact only in /proc.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LINUX = sys.platform == "linux"
PROC = Path("/proc")
GONE = ("Z", "X")  # a zombie, or dead


class Row(NamedTuple):
    """One line of the process table.

    Attributes:
        session: The pid of its session's first process, 0 when it cannot be seen.
        ticks: When it started, by the kernel's count (Linux: clock ticks since boot; elsewhere: milliseconds).
    """

    pid: int
    parent: int
    session: int
    ticks: int
    state: str


def row(pid: int) -> Row | None:
    """Give one process; None when there is none of that number."""
    return proc_row(pid) if LINUX else psutil_row(pid)


def rows() -> Iterator[Row]:
    """Give every process we can see."""
    return (one for one in map(row, pids()) if one is not None)


def pids() -> list[int]:
    """Give the number of every process we can see."""
    if LINUX:
        return [int(one.name) for one in PROC.iterdir() if one.name.isdigit()]
    import psutil

    return list(psutil.pids())


def argv(pid: int) -> list[str]:
    """Give a process's command line; nothing when it cannot be seen."""
    return proc_argv(pid) if LINUX else psutil_argv(pid)


def environment(pid: int) -> dict[str, str] | None:
    """Give the environment that a process of ours was started with; None when it cannot be seen."""
    return proc_environment(pid) if LINUX else psutil_environment(pid)


def owner_uid(pid: int) -> int | None:
    """Give the number of the user whose process it is; None when it is gone."""
    return proc_owner_uid(pid) if LINUX else psutil_owner_uid(pid)


def memory(pid: int) -> int | None:
    """Say how much memory a process has in use (resident, bytes); None when there is no such process."""
    return proc_memory(pid) if LINUX else psutil_memory(pid)


# --- from /proc


def proc_row(pid: int) -> Row | None:
    """Read one row from /proc.

    Source: proc_pid_stat(5): field 2 is the name in brackets, which may itself hold blanks and brackets; the fields
        after its last bracket are 3 state, 4 ppid, 5 pgrp, 6 session … 22 starttime
    """
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return Row(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0].decode())
    except (OSError, IndexError):  # it ended while we looked
        return None


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
    """Read the user from /proc."""
    try:
        return (PROC / str(pid)).stat().st_uid
    except OSError:
        return None


def proc_memory(pid: int) -> int | None:
    """Read the resident size from /proc; its second field counts pages."""
    try:
        return int((PROC / str(pid) / "statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None


# --- through psutil


def psutil_row(pid: int) -> Row | None:
    """Ask psutil for one row."""
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            state = "Z" if process.status() == psutil.STATUS_ZOMBIE else "R"
            return Row(pid, process.ppid(), _session(pid), int(process.create_time() * 1000), state)
    except psutil.Error:
        return None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:  # another user's, on some systems
        return 0


def psutil_argv(pid: int) -> list[str]:
    """Ask psutil for a command line."""
    import psutil

    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []


def psutil_environment(pid: int) -> dict[str, str] | None:
    """Ask psutil for an environment."""
    import psutil

    try:
        return dict(psutil.Process(pid).environ())
    except psutil.Error:
        return None


def psutil_owner_uid(pid: int) -> int | None:
    """Ask psutil for the user."""
    import psutil

    try:
        return int(psutil.Process(pid).uids().real)
    except psutil.Error:
        return None


def psutil_memory(pid: int) -> int | None:
    """Ask psutil for the resident size."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
