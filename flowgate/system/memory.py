"""Return unused memory to the system."""

from __future__ import annotations

import gc
import os
import sys


def trim() -> None:
    """Collect garbage, and return the memory that the allocator keeps for later.

    Source: malloc_trim(3). Without it a supervisor used 3 MB more after 400 switches.
    """
    gc.collect()
    if sys.platform != "linux":
        return
    import ctypes

    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if malloc_trim is not None:
        malloc_trim(0)


def total_bytes() -> int:
    """Return the machine's memory in bytes; 0 if it is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
