"""The only printer: data goes to stdout, messages for people go to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, MultipleErrors

if TYPE_CHECKING:
    from flowgate.domain import Outcome

DOCUMENT_VERSION = 1  # of every JSON document; a key that is removed or changes its meaning needs the next number
MARKS = {"unchanged": "=", "changed": "~", "skipped": "-", "failed": "!", "rescued": "!", "ignored": "!"}
GREEN, YELLOW, RED, DIM = "32", "33", "31", "2"
COLOURS = {"=": GREEN, "~": YELLOW, "-": DIM, "!": RED}
NAME_WIDTH = 24
LINE_WIDTH = 110


def is_terminal() -> bool:
    """Return whether stderr is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def colour(text: str, code: str) -> str:
    """Colour a text for stderr if it may be coloured.

    Args:
        text: What to colour.
        code: An ANSI colour code, such as "31".
    """
    return f"\x1b[{code}m{text}\x1b[0m" if is_terminal() and not os.environ.get("NO_COLOR") else text


class _Masks:
    """What everything that is printed passes through."""

    hide: Callable[[str], str] = staticmethod(str)


def set_mask(hide: Callable[[str], str]) -> None:
    """Set the function that hides secrets in everything that is printed from now on."""
    _Masks.hide = staticmethod(hide)


def masked(text: str) -> str:
    """Return a text without the secrets that this command knows."""
    return _Masks.hide(text)


# --- data, to stdout


def data(text: str) -> None:
    """Print a line of the command's output."""
    print(_for_terminal(masked(text)), flush=True)


def _for_terminal(text: str) -> str:
    """Return data as it is for a pipe, and with escapes for a terminal."""
    if (text.isascii() and text.isprintable()) or not sys.stdout.isatty():
        return text
    from flowgate.cli.escapes import escaped_output

    return escaped_output(text)


def data_part(text: str) -> None:
    """Print a part of a line of the command's output."""
    print(_for_terminal(masked(text)), end="", flush=True)


def document(content: Mapping[str, object]) -> None:
    """Print the JSON document of a command, with the version of its format."""
    data(json.dumps({"version": DOCUMENT_VERSION, **content}, indent=2, ensure_ascii=False))


def one_line_document(content: Mapping[str, object]) -> str:
    """Return a JSON document as one line, with the version of its format."""
    return json.dumps({"version": DOCUMENT_VERSION, **content}, ensure_ascii=False)


def table(rows: Sequence[Sequence[str]], *, heading: bool = True) -> None:
    """Print rows in columns.

    Args:
        rows: At least one; all of the same length.
        heading: The first row is a heading.
    """
    if sys.stdout.isatty():
        _terminal_table(rows, heading)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        data("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _terminal_table(rows: Sequence[Sequence[str]], heading: bool) -> None:
    """Wrap the cells to the width of the terminal; rich takes 0.1 s to import, so pipes get plain columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, show_header=heading, header_style="bold")
    for name in rows[0]:
        grid.add_column(Text(name), overflow="fold")
    for row in rows[1:] if heading else rows:
        grid.add_row(*(Text(masked(cell)) for cell in row))
    Console().print(grid)


def discard_stdout() -> None:
    """Drop further output: its reader is gone, and Python would report that when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# --- messages for people, to stderr


def note(text: str) -> None:
    """Print a message."""
    print(f"{_for_people(masked(text))}\n", end="", file=sys.stderr, flush=True)  # one write: parallel tasks print too


def _for_people(text: str) -> str:
    """Return a message with its control characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    from flowgate.cli.escapes import escaped_line

    return escaped_line(text)


def prompt(question: str) -> str | None:
    """Ask the person at the terminal; return None when stdin is at its end."""
    from flowgate.cli.escapes import escaped

    print(escaped(question), end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer or not sys.stdin.isatty():
        note("")
    return answer.rstrip("\n") if answer else None


def print_outcome(outcome: Outcome) -> None:
    """Print one line for a task that has ended."""
    mark = MARKS[outcome.status]
    message = " ".join(outcome.message.split())
    width = LINE_WIDTH - NAME_WIDTH - 14
    message = message if len(message) <= width or mark == "!" else f"{message[: width - 1]}…"
    line = f"{mark} {outcome.task:<{NAME_WIDTH}} {message:<{width}} {outcome.seconds:7.2f} s"
    note(colour(line, COLOURS[mark]))


def print_error(error: BaseException, *, already_printed: bool = False) -> None:
    """Print an error: what, where, the source line, the log lines that explain it, and the fix.

    Args:
        error: Usually a `FlowGateError`.
        already_printed: The line before this one says what happened; print the rest.
    """
    if isinstance(error, MultipleErrors):
        note(colour(f"error: {error.what}:", RED))
        for one in error.errors:
            note(f"  {one.place}: {one.what}" if one.place else f"  {one.what}")
            _print_details(one, "    ")
        return
    if not already_printed:
        note(colour(f"error: {error}", RED))
    elif isinstance(error, FlowGateError) and error.place:
        note(f"  at {error.place}")
    if isinstance(error, FlowGateError):
        _print_details(error, "  ")


def _print_details(error: FlowGateError, indent: str) -> None:
    for line in _excerpt(error):
        note(f"{indent}  {line}")
    if error.log:
        note(f"{indent}last log lines:")
        for line in error.log:
            note(f"{indent}  | {line[:200]}")
    if error.fix:
        note(f"{indent}fix: {spell_commands(error.fix)}")


def _excerpt(error: FlowGateError) -> list[str]:
    if error.place.count(":") < 2:  # file:line:column; most errors have none and need no excerpt
        return []
    from flowgate.cli.source_excerpt import excerpt

    return excerpt(error.place)


def spell_commands(text: str) -> str:
    """Spell the commands in a text for the program that runs: `inv service.start` or `flowgate service start`."""
    if "inv " not in text or os.path.basename(sys.argv[0]) != "flowgate":  # noqa: PTH119 - pathlib takes longer
        return text
    import re

    def flowgate(found: re.Match[str]) -> str:
        return "flowgate " + found[1].replace(".", " ")

    return re.sub(r"(?<!uv run )\binv ([a-z][a-z-]*(?:\.[a-z-]+)*)", flowgate, text)
