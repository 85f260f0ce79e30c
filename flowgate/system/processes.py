"""Processes: started in a session of their own, known by pid and start time, ended with their whole tree.

A pid alone names nobody: the system hands it out again. The start ticks are the kernel's own and do not move when the
clock is set, as psutil's `create_time()` does on Linux.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from flowgate.errors import DiskError, EnvironmentFailure, FlowGateError, ProgramMissing
from flowgate.system import process_table
from flowgate.system.disk_errors import disk_error, make_private_folder, translate_os_errors
from flowgate.system.process_table import GONE, memory

__all__ = [
    "Identity",
    "alive",
    "describe",
    "find",
    "identify",
    "memory",
    "not_started",
    "run_visible",
    "signal_group",
    "signal_tree",
    "spawn",
    "tree",
    "tree_of",
]

OPEN, SEND = "pidfd_open", "pidfd_send_signal"  # by name: not every system, nor every Python on Linux, has them
SCRIPTS = (".py", ".js", ".sh", ".rb", ".pl", ".jar")


class Identity(NamedTuple):
    """One process, and no other that gets its number later.

    Attributes:
        ticks: When it started, by the kernel's count (Linux: clock ticks since boot; elsewhere: milliseconds).
    """

    pid: int
    ticks: int


# --- who is who


def processors() -> int:
    """Give how many processors this machine has; at least 1."""
    return os.cpu_count() or 1


def identify(pid: int) -> Identity | None:
    """Name a process; None when there is none of that number. One that has ended but was not reaped has a name."""
    row = process_table.row(pid)
    return Identity(pid, row.ticks) if row else None


def alive(identity: Identity) -> bool:
    """Say whether just this process still runs."""
    row = process_table.row(identity.pid)
    return row is not None and row.ticks == identity.ticks and row.state not in GONE


def tree(identity: Identity) -> list[Identity]:
    """Give a process, its descendants, and whoever else lives in its session, with theirs.

    Returns:
        Nothing when the process was reaped: its number, and its session's, may be a stranger's by now.
    """
    rows = {row.pid: row for row in process_table.rows()}
    root = rows.get(identity.pid)
    if root is None or root.ticks != identity.ticks:
        return []
    children: dict[int, list[int]] = {}
    for row in rows.values():
        children.setdefault(row.parent, []).append(row.pid)
    found: dict[int, Identity] = {}
    ahead = [root.pid, *(row.pid for row in rows.values() if row.session == root.pid)]
    while ahead:
        pid = ahead.pop(0)
        if pid not in found:
            found[pid] = Identity(pid, rows[pid].ticks)
            ahead += children.get(pid, ())
    return [one for one in found.values() if rows[one.pid].state not in GONE]


def tree_of(pid: int) -> list[Identity]:
    """Give the tree of whatever process has this number now."""
    identity = identify(pid)
    return tree(identity) if identity else []


def find(words: Sequence[str]) -> int | None:
    """Find a process of ours that was started with all these words; None when there is none."""
    for row in process_table.rows():
        if row.pid != os.getpid() and row.state not in GONE and process_table.owner_uid(row.pid) == os.getuid():
            argv = process_table.argv(row.pid)
            if all(word in argv for word in words):
                return row.pid
    return None


def describe(pid: int) -> str:
    """Say what a process is, in at most 80 characters: its name, and its script, module or first word; "?" if unknown.

    What follows an option is left out: it may be a stranger's password.
    """
    argv = process_table.argv(pid)
    if not argv or not argv[0].strip():
        return "?"
    shown = [Path(argv[0].split()[0]).name.rstrip(":")]
    before = ""
    for word in argv[1:3]:
        if word.startswith("-"):
            shown.append(word.partition("=")[0])
        elif before in ("", "-m") or word.endswith(SCRIPTS):
            shown.append(Path(word).name[:40])
        else:
            break
        before = word
    text = " ".join(" ".join(shown).split())
    return text if len(text) <= 80 else text[:79] + "…"


# --- starting


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Path,
    pass_fds: Sequence[int] = (),
    umask: int = 0o077,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, without a keyboard.

    Args:
        argv: The command; argv[0] is an absolute path.
        cwd: Its working folder.
        env: Its whole environment.
        output: The file (0600) to which stdout and stderr are appended.
        pass_fds: Open files it inherits under the same numbers.

    Raises:
        ProgramMissing: See the message.
        DiskError: See the message.
        EnvironmentFailure: See the message.
    """
    handle = open_log(output)
    try:
        return subprocess.Popen(
            list(argv),
            cwd=str(cwd),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=umask,
        )
    except OSError as fault:
        raise not_started(argv[0], cwd, fault) from None
    finally:
        os.close(handle)


def open_log(output: Path) -> int:
    """Open a log (0600) to append to; give its descriptor.

    Raises:
        DiskError: See the message.
    """
    make_private_folder(output.parent)
    with translate_os_errors(output):
        return os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def run_visible(argv: Sequence[str], *, cwd: Path) -> int:
    """Run a tool to its end with our own keyboard, screen and environment.

    Returns:
        Its exit code; 128 and the signal's number when one ended it, as a shell counts.

    Raises:
        ProgramMissing: See the message.
        DiskError: See the message.
        EnvironmentFailure: See the message.
    """
    try:
        code = subprocess.run(list(argv), cwd=str(cwd), check=False).returncode
    except OSError as fault:
        raise not_started(argv[0], cwd, fault) from None
    return code if code >= 0 else 128 - code


def not_started(program: str, cwd: Path, fault: OSError) -> FlowGateError:
    """Say why a program could not be started.

    Args:
        fault: What `Popen` raised.
    """
    if fault.filename == str(cwd):  # Popen puts there what it stumbled over
        missing = fault.errno == errno.ENOENT
        return DiskError(f"the working folder {cwd} is not there", fix="make it") if missing else disk_error(cwd, fault)
    if fault.errno == errno.ENOENT and Path(program).exists():
        what, way_out = "names an interpreter in its first line that is not there", f"head -1 {program} shows it"
    elif fault.errno in (errno.ENOENT, errno.ENOTDIR):
        what, way_out = "is not there", "put the program there, or name another one"
    elif fault.errno == errno.EACCES:
        what, way_out = "cannot be executed", f"chmod u+x {program}"
    elif fault.errno == errno.ENOEXEC:
        what, way_out = "is no program for this machine", f"file {program} says what it is; a script begins with #!"
    else:
        return EnvironmentFailure(f"{program} could not be started: {fault.strerror or fault}")
    return ProgramMissing(f"{program} {what}", fix=way_out)


# --- ending


def signal_tree(members: Sequence[Identity], number: int) -> list[Identity]:
    """Send a signal to each of these processes that is still the same; never to a stranger, never to ourselves.

    Returns:
        Those that were sent it.
    """
    return [one for one in members if one.pid not in (0, 1, os.getpid()) and _send(one, number)]


def _send(identity: Identity, number: int) -> bool:
    handle = _hold(identity.pid)
    try:
        if not alive(identity):
            return False
        if handle is None:
            os.kill(identity.pid, number)
        else:
            getattr(signal, SEND)(handle, number)
    except (ProcessLookupError, PermissionError):  # gone meanwhile, or it has become another user's
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def _hold(pid: int) -> int | None:
    """Take hold of a process, so that its number cannot become a stranger's between our look and our signal.

    Returns:
        None where the system has no such thing (macOS; Pythons built against old headers; some sandboxes).
    """
    if not (hasattr(os, OPEN) and hasattr(signal, SEND)):
        return None
    try:
        return int(getattr(os, OPEN)(pid))
    except OSError:
        return None


def signal_group(identity: Identity, number: int) -> bool:
    """Send a signal to the whole group that this process leads.

    Returns:
        false, and nothing is sent, when it has ended, leads no group, or the group is our own.
    """
    try:
        leads = os.getpgid(identity.pid) == identity.pid and identity.pid != os.getpgrp()
        if leads and alive(identity):
            os.killpg(identity.pid, number)
            return True
    except (ProcessLookupError, PermissionError):  # gone meanwhile, or another user's
        return False
    return False
