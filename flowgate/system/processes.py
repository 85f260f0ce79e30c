"""Processes: identified by pid and start time, examined and signalled together with their descendants.

A pid alone is not enough, because the system reuses it. The kernel's start time does not change with the clock, as
`create_time()` of `psutil` does on Linux.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from flowgate.system import process_table
from flowgate.system.process_table import GONE, memory
from flowgate.system.spawn import open_log, run_visible, spawn

__all__ = [
    "Identity",
    "alive",
    "describe",
    "find",
    "identify",
    "memory",
    "open_log",
    "own_variable",
    "run_visible",
    "runs_file",
    "signal_group",
    "signal_tree",
    "spawn",
    "tree",
    "tree_of",
]

# By name, because macOS and some builds of Python on Linux do not have them.
PIDFD_OPEN, PIDFD_SEND_SIGNAL = "pidfd_open", "pidfd_send_signal"
SCRIPTS = (".py", ".js", ".sh", ".rb", ".pl", ".jar")
DESCRIPTION_LENGTH = 80


class Identity(NamedTuple):
    """One process, distinct from any later process with the same pid.

    Attributes:
        pid: Its pid.
        ticks: Its start time (Linux: clock ticks since boot; elsewhere: milliseconds).
    """

    pid: int
    ticks: int


def processors() -> int:
    """Return the number of processors, at least 1."""
    return os.cpu_count() or 1


def own_pid() -> int:
    """Return the number of this process."""
    return os.getpid()


def identify(pid: int) -> Identity | None:
    """Return the identity of a process, even of a zombie; None if there is no process with this pid."""
    row = process_table.row(pid)
    return Identity(pid, row.ticks) if row else None


def alive(identity: Identity) -> bool:
    """Return whether this very process still runs."""
    row = process_table.row(identity.pid)
    return row is not None and row.ticks == identity.ticks and row.state not in GONE


def runs_file(pid: int, path: Path) -> bool | None:
    """Return whether a process runs the program that is at a path now, and not one that was there before.

    Args:
        pid: The process.
        path: The program.

    Returns:
        None if it is unknown: a script, another path, another user's process, a system without /proc.
    """
    link = process_table.PROC / str(pid) / "exe"
    try:
        running, now = link.stat(), path.stat()
        started = os.readlink(link).removesuffix(" (deleted)")  # noqa: PTH115 - Path would keep no suffix apart
        if os.path.samestat(running, now):
            return True
        return False if Path(started) == path.resolve() else None
    except OSError:
        return None


def tree(identity: Identity) -> list[Identity]:
    """Return a process, the other processes of its session, and the descendants of all of them.

    Args:
        identity: The process.

    Returns:
        The living ones. Empty if the process was reaped: another process may have its pid and its session's id.
    """
    rows = {row.pid: row for row in process_table.rows()}
    root = rows.get(identity.pid)
    if root is None or root.ticks != identity.ticks:
        return []
    children: dict[int, list[int]] = {}
    for row in rows.values():
        children.setdefault(row.parent, []).append(row.pid)
    found: dict[int, Identity] = {}
    pending = [root.pid, *(row.pid for row in rows.values() if row.session == root.pid)]
    while pending:
        pid = pending.pop(0)
        if pid not in found:
            found[pid] = Identity(pid, rows[pid].ticks)
            pending += children.get(pid, ())
    return [one for one in found.values() if rows[one.pid].state not in GONE]


def tree_of(pid: int) -> list[Identity]:
    """Return the tree of the process that has a pid now; empty if there is none."""
    identity = identify(pid)
    return tree(identity) if identity else []


def find(words: Sequence[str]) -> int | None:
    """Find another process of this user by its command line.

    Args:
        words: Arguments that must all be in its command line.

    Returns:
        The pid; None if there is no such process.
    """
    for row in process_table.rows():
        if row.pid != os.getpid() and row.state not in GONE and process_table.owner_uid(row.pid) == os.getuid():
            argv = process_table.argv(row.pid)
            if all(word in argv for word in words):
                return row.pid
    return None


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time that a process has used; None if it does not exist."""
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def describe(pid: int) -> str:
    """Describe a process in at most 80 characters: its program, and its script, module or first argument.

    Values of options are left out, because they may be passwords.

    Args:
        pid: The process.

    Returns:
        "python3 -m http.server"; "?" if the process is not visible.
    """
    argv = process_table.argv(pid)
    if not argv or not argv[0].strip():
        return "?"
    shown = [Path(argv[0].split()[0]).name.rstrip(":")]
    previous = ""
    for word in argv[1:3]:
        if word.startswith("-"):
            shown.append(word.partition("=")[0])
        elif previous in ("", "-m") or word.endswith(SCRIPTS):
            shown.append(Path(word).name[:40])
        else:
            break
        previous = word
    text = " ".join(" ".join(shown).split())
    return text if len(text) <= DESCRIPTION_LENGTH else text[: DESCRIPTION_LENGTH - 1] + "…"


def signal_tree(members: Sequence[Identity], number: int) -> list[Identity]:
    """Send a signal to processes. Reused pids and this process itself are skipped.

    Args:
        members: The processes.
        number: The signal.

    Returns:
        The processes that got the signal.
    """
    return [one for one in members if one.pid not in (0, 1, os.getpid()) and _send(one, number)]


def _send(identity: Identity, number: int) -> bool:
    handle = _open_pidfd(identity.pid)
    try:
        if not alive(identity):
            return False
        if handle is None:
            os.kill(identity.pid, number)
        else:
            getattr(signal, PIDFD_SEND_SIGNAL)(handle, number)
    except (ProcessLookupError, PermissionError):  # it has ended, or its pid belongs to another user now
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def _open_pidfd(pid: int) -> int | None:
    """Open a process, so that its pid is not reused between check and signal; None where that is not supported."""
    if not (hasattr(os, PIDFD_OPEN) and hasattr(signal, PIDFD_SEND_SIGNAL)):
        return None
    try:
        return int(getattr(os, PIDFD_OPEN)(pid))
    except OSError:
        return None


def signal_group(identity: Identity, number: int) -> bool:
    """Send a signal to the process group that a process leads.

    Args:
        identity: The group's leader.
        number: The signal.

    Returns:
        Whether it was sent: false if the process has ended or leads no group, or if it is our own group.
    """
    try:
        leads = os.getpgid(identity.pid) == identity.pid and identity.pid != os.getpgrp()
        if leads and alive(identity):
            os.killpg(identity.pid, number)
            return True
    except (ProcessLookupError, PermissionError):  # it has ended, or belongs to another user
        return False
    return False


def own_variable(name: str) -> str:
    """Return an environment variable of this process; an empty text if it is not set."""
    return os.environ.get(name, "")
