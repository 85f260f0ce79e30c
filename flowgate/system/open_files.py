"""How many files and connections this process may have open."""

from __future__ import annotations

import contextlib
import resource

UNLIMITED_TRIES = (1_048_576, 245_760, 65_536, 24_576, 10_240)  # macOS: kern.maxfilesperproc may be below "unlimited"


def limit() -> int:
    """Return how many files this process may have open; a large number when there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED_TRIES[0] if soft == resource.RLIM_INFINITY else soft


def hard_limit() -> int:
    """Return to how many open files a process may raise its limit; a large number when there is no limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED_TRIES[0] if hard == resource.RLIM_INFINITY else hard


def raise_limit() -> int:
    """Raise the limit of this process, and of those that it starts, to the hard one; return the limit in force.

    Where the kernel allows less than the hard limit, smaller numbers are tried.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = UNLIMITED_TRIES if hard == resource.RLIM_INFINITY else (hard, *UNLIMITED_TRIES)
    for number in wanted:
        if soft != resource.RLIM_INFINITY and soft < number and (hard == resource.RLIM_INFINITY or number <= hard):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
                break
    return limit()
