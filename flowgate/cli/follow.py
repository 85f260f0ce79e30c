"""Print what is appended to a log file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flowgate.cli import console
from flowgate.system import files
from flowgate.system.clock import Clock

FOLLOW_SECONDS = 0.25


def follow_file(path: Path, show: Callable[[str], None]) -> int:
    """Print new lines until Ctrl-C or until nobody reads them; start again at the beginning of a new file.

    Args:
        path: The log file; it may be missing, truncated or replaced.
        show: Prints a line.

    Returns:
        The exit code.
    """
    clock = Clock()
    position = path.stat().st_size if path.is_file() else 0
    rest = ""
    while not console.reader_is_gone():
        size = path.stat().st_size if path.is_file() else 0
        if size < position:
            position, rest = 0, ""
        if size > position:
            text, position = files.read_from(path, position)
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                show(line)
        clock.sleep(FOLLOW_SECONDS)
    return 0
