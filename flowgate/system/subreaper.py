"""Child processes: adopt orphans, reap children, end with the parent.

Source: prctl(2), waitid(2)
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection

SUBREAPER, DEATH_SIGNAL = 36, 1  # PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant whose own parent ends.

    Returns:
        Whether the system supports it (Linux only).
    """
    return _control(SUBREAPER, 1)


def die_with_parent() -> bool:
    """Ask the system to kill this process when its parent ends. Children forked later do not inherit this.

    Returns:
        Whether the system supports it (Linux only).
    """
    return _control(DEATH_SIGNAL, signal.SIGKILL)


def _control(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes

    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0)) == 0


def count_threads() -> int:
    """Count the threads of this process, including those not started by Python; 0 if the number is unknown."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names, not paths
    except OSError:
        return 0


def has_ended(pid: int) -> bool | None:
    """Return whether a child process has ended, without reaping it; None if it is not our child."""
    if not hasattr(os, "waitid"):
        return None
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return None


def reap(pid: int) -> int | None:
    """Reap a child process that has ended.

    Args:
        pid: The child.

    Returns:
        Its exit code, negative for a signal; None if it is not our child.
    """
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return None


def reap_unknown(known: Collection[int]) -> None:
    """Reap adopted children that have ended and that this program did not start.

    Args:
        known: Children that are reaped elsewhere. The function returns when it meets one that has ended.
    """
    while hasattr(os, "waitid"):
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in known:
            return
        reap(ended.si_pid)
