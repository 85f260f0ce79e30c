"""How many processor cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP_FILE = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Return how many cores this process may use: those of its affinity, limited by its control group's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(count, quota(CGROUP_FILE, CGROUPS) or count))


def quota(own: Path, groups: Path) -> int | None:
    """Return the number of cores that a control group's quota is worth, rounded up; None if there is no quota.

    Args:
        own: The file that names the control group of a process.
        groups: The folder of the control groups.

    Source: cgroup-v2.rst in the kernel's documentation: `cpu.max` is "$MAX $PERIOD", and "max" stands for no limit;
        the limit of a parent holds too.
    """
    try:
        path = next(line[3:].strip() for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    found = []
    at = groups / path.strip("/")
    while at == groups or groups in at.parents:
        found.append(_limit(at / "cpu.max"))
        at = at.parent
    return min((one for one in found if one is not None), default=None)


def _limit(file: Path) -> int | None:
    try:
        most, period = file.read_text().split()
        return math.ceil(int(most) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None
