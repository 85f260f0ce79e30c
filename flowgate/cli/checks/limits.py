"""The check of how many files the gateway may have open: each connection of a client needs one or two."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks.finding import Finding
from flowgate.system import open_files

ENOUGH_FILES = 4096


def limits() -> Iterator[Finding]:
    """Check to how many open files the gateway can raise its limit."""
    yield judge(open_files.hard_limit())


def judge(hard: int) -> Finding:
    """Judge a hard limit; the gateway raises its soft one by itself.

    Args:
        hard: How many files a process may have open.
    """
    if hard >= ENOUGH_FILES:
        return Finding("limits", "pass", f"the gateway may open {hard} files; it raises its limit to that")
    message = f"the gateway may open only {hard} files, which is about {hard // 2} clients at once; more have to wait"
    return Finding("limits", "warn", message, f"ulimit -Hn {ENOUGH_FILES}  # as root, in the shell that runs `inv up`")
