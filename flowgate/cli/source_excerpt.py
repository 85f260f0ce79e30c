"""The line that a place names, with a caret under the column."""

from __future__ import annotations

from pathlib import Path
from unicodedata import combining, east_asian_width

from flowgate.errors import FlowGateError
from flowgate.system import files

WIDTH = 100  # characters of a line that are shown
BEFORE = 70  # of them at most before the caret, in a longer line


def excerpt(place: str) -> list[str]:
    """Show the line that a place names.

    Args:
        place: `file:line:column`.

    Returns:
        Two lines, the second with the caret; nothing for any other place, or when the file is gone or
        changed.
    """
    file, line, column = ["", "", "", *place.rsplit(":", 2)][-3:]
    if not (file and line.isdigit() and column.isdigit()):
        return []
    try:
        text = files.read_text_or_none(Path(file))
    except FlowGateError:  # what is to be said is said already; the line is only a help
        return []
    lines = text.split("\n") if text else []
    number, index = int(line), int(column) - 1
    if not (1 <= number <= len(lines) and 0 <= index <= len(lines[number - 1])):
        return []
    shown = "".join(one if one.isprintable() else " " for one in lines[number - 1].rstrip("\r"))
    if len(shown) > WIDTH:
        start = max(0, min(index - BEFORE, len(shown) - WIDTH))
        shown, index = shown[start : start + WIDTH], index - start
    margin = f"{number} | "
    return [f"{margin}{shown}", f"{' ' * (len(margin) - 2)}| {' ' * _columns(shown[:index])}^"]


def _columns(text: str) -> int:
    """Count the columns that a text takes on a terminal."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
