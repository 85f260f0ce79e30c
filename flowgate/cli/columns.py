"""Tables as text: columns that fit a width, where no word, address or time is broken."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2  # blanks between two columns
INDENT = 4  # blanks before a cell that has a line of its own
UNITS = ((1e3, "kB"), (1e6, "MB"))
NARROWEST = 20  # characters of a column of sentences; narrower ones are hard to read


def size(count: int) -> str:
    """Return a number of bytes as people read it: "740 B", "5.2 kB", "31 MB".

    Args:
        count: The bytes.
    """
    if count < 1000:
        return f"{count} B"
    number, unit = next(((count / by, name) for by, name in UNITS if count < 1000 * by), (count / 1e9, "GB"))
    return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"


def lay_out(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a table.

    Cells wrap at blanks where the table is too wide. Columns that do not fit even then follow each row, on lines of
    their own.

    Args:
        rows: At least one; all of the same length.
        width: Characters of a line; None for any number.
    """
    natural = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width is None or _total(natural) <= width:
        return [line for row in rows for line in _beside(row, natural)]
    least = [max(_longest_word(column), min(NARROWEST, max(map(len, column)))) for column in zip(*rows, strict=True)]
    count = len(least)
    while count > 1 and _total(least[:count]) > width:
        count -= 1
    widths = _shrink(natural[:count], least[:count], width)
    lines: list[str] = []
    for row in rows:
        lines += _beside(row[:count], widths)
        for cell in row[count:]:
            lines += [" " * INDENT + part for part in _wrap(cell, width - INDENT) if part]
    return lines


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _longest_word(column: Sequence[str]) -> int:
    return max((len(word) for cell in column for word in cell.split()), default=0)


def _shrink(widths: list[int], least: Sequence[int], width: int) -> list[int]:
    """Take from the widest column, again and again, until the table fits or nothing is left to take."""
    found = list(widths)
    while _total(found) > width:
        spare = [place for place, one in enumerate(found) if one > least[place]]
        if not spare:
            break
        found[max(spare, key=found.__getitem__)] -= 1
    return found


def _beside(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row."""
    cells = [[cell] if len(cell) <= width else _wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, cells))
    return [
        (" " * GAP)
        .join((cell[line] if line < len(cell) else "").ljust(width) for cell, width in zip(cells, widths, strict=True))
        .rstrip()
        for line in range(height)
    ]


def _wrap(cell: str, width: int) -> list[str]:
    """Break a cell at blanks; blanks at its beginning indent all its lines."""
    if len(cell) <= width:
        return [cell]
    indent = cell[: len(cell) - len(cell.lstrip())]
    lines = [""]
    for word in cell.split():
        longer = f"{lines[-1]} {word}" if lines[-1] else indent + word
        if lines[-1] and len(longer) > width:
            lines.append(indent + word)
        else:
            lines[-1] = longer
    return lines


def duration(seconds: float | None) -> str:
    """Return a duration as text; a dash if it is not known.

    Args:
        seconds: The duration.
    """
    if seconds is None:
        return "-"
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"
