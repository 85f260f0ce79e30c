"""Parents and children: who is told when a process ends, and who is reaped by whom.

Source: prctl(2), waitid(2)
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection

SUBREAPER, DEATH_SIGNAL = 36, 1  # PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent has ended.

    Returns:
        False where the system has no such thing.
    """
    return _control(SUBREAPER, 1)


def die_with_parent() -> bool:
    """Be killed as soon as the parent has ended; children forked later are not.

    Returns:
        False where the system has no such thing.
    """
    return _control(DEATH_SIGNAL, signal.SIGKILL)


def _control(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes

    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0)) == 0


def count_threads() -> int:
    """Count the threads of this process, those that Python does not know of too; 0 where that cannot be told."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names, not paths
    except OSError:
        return 0


def has_ended(pid: int) -> bool | None:
    """Say whether a child has ended, leaving it unreaped: its number stays taken; None when it is no child of ours."""
    if not hasattr(os, "waitid"):
        return None
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return None


def reap(pid: int) -> int | None:
    """Reap a child that has ended.

    Returns:
        Its exit code, negative for the signal that killed it; None when it is no child of ours.
    """
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def reap_unknown(known: Collection[int]) -> None:
    """Reap the adopted children that have ended and that nobody here knows.

    Args:
        known: Children that somebody else here reaps; one of them that has just ended stops the round.
    """
    while hasattr(os, "waitid"):
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        reap(ended.si_pid)
