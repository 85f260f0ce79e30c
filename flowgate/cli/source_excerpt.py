"""The source line of an error, with a caret under the column."""

from __future__ import annotations

from pathlib import Path
from unicodedata import combining, east_asian_width

from flowgate.domain.secret_names import hide_in_line
from flowgate.errors import FlowGateError
from flowgate.system import files

WIDTH = 100  # characters of a line that are shown
BEFORE = 70  # of a longer line, how many characters before the caret at most


def excerpt(place: str) -> list[str]:
    """Return the source line of a place, and a line with a caret under the column.

    Args:
        place: `file:line:column`.

    Returns:
        Two lines; none if the place has another form, or if the file has no such line and column.
    """
    file, line, column = ["", "", "", *place.rsplit(":", 2)][-3:]
    if not (file and line.isdigit() and column.isdigit()):
        return []
    try:
        text = files.read_text_or_none(Path(file))
    except FlowGateError:  # the error itself has been printed; its excerpt is optional
        return []
    lines = text.split("\n") if text else []
    number, index = int(line), int(column) - 1
    if not (1 <= number <= len(lines) and 0 <= index <= len(lines[number - 1])):
        return []
    shown = "".join(one if one.isprintable() else " " for one in lines[number - 1].rstrip("\r"))
    shown = hide_in_line(shown)
    if len(shown) > WIDTH:
        start = max(0, min(index - BEFORE, len(shown) - WIDTH))
        shown, index = shown[start : start + WIDTH], index - start
    margin = f"{number} | "
    return [f"{margin}{shown}", f"{' ' * (len(margin) - 2)}| {' ' * _display_width(shown[:index])}^"]


def _display_width(text: str) -> int:
    """Count the terminal columns that a text fills."""
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
