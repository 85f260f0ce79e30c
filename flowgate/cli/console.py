"""The only printer: data to stdout, words for people to stderr, one line a step."""

from __future__ import annotations

import json
import os
import sys
from _thread import RLock  # what `threading` would give, without loading it: most commands have one thread
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, MultipleErrors

if TYPE_CHECKING:
    from flowgate.domain import Outcome

MARKS = {"unchanged": "=", "changed": "~", "skipped": "-", "failed": "!", "rescued": "!", "ignored": "!"}
COLOURS = {"=": "32", "~": "33", "-": "2", "!": "31"}
NAME_WIDTH = 24
LINE_WIDTH = 110
one_at_a_time = RLock()  # a spinner paints from a thread of its own


def is_terminal() -> bool:
    """Say whether stderr is a terminal that may be coloured."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def data(text: str) -> None:
    """Print what was asked for."""
    print(text, flush=True)


def data_part(text: str) -> None:
    """Print a piece of what was asked for, without a line's end."""
    print(text, end="", flush=True)


def document(tree: object) -> None:
    """Print one JSON document."""
    print(json.dumps(tree, indent=2, ensure_ascii=False), flush=True)


def discard_stdout() -> None:
    """Stop printing data: nobody reads it any more, and Python would complain about that at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Tell people something."""
    with one_at_a_time:
        _clear()
        print(text, file=sys.stderr, flush=True)


def prompt(question: str) -> str | None:
    """Put a question to whoever sits at the terminal; None when nobody can answer any more."""
    _clear()
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer or not sys.stdin.isatty():
        print(file=sys.stderr, flush=True)
    return answer.rstrip("\n") if answer else None


def paint(text: str) -> None:
    """Show, on a terminal only, a line that the next one replaces; cut so that it never wraps."""
    if is_terminal():
        with one_at_a_time:
            room = os.get_terminal_size(sys.stderr.fileno()).columns - 1 if _has_size() else LINE_WIDTH
            print(f"\r\x1b[2K{text[:room]}", end="", file=sys.stderr, flush=True)


def _has_size() -> bool:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 1
    except OSError:
        return False


def progress(name: str, done: int, total: int | None) -> None:
    """Show, on a terminal only, how far a transfer is; the next line that is printed takes its place.

    Args:
        name: What is transferred; done, total: bytes, the total where it is known.
    """
    if not is_terminal():
        return
    from rich.console import Console
    from rich.progress_bar import ProgressBar

    console = Console(file=sys.stderr, force_terminal=True)
    sizes = f" {done / 1e6:.1f}" + (f" of {total / 1e6:.1f}" if total else "") + " MB"
    room = max(10, min(40, console.width - len(name) - len(sizes) - 4))
    print(f"\r\x1b[2K… {name} ", end="", file=sys.stderr)
    console.print(ProgressBar(total=total, completed=done, width=room, pulse=total is None), end="")
    print(sizes, end="", file=sys.stderr, flush=True)


def print_outcome(outcome: Outcome) -> None:
    """Print one line for a task that has ended."""
    mark = MARKS[outcome.status]
    message = " ".join(outcome.message.split())
    room = LINE_WIDTH - NAME_WIDTH - 14
    message = message if len(message) <= room or mark == "!" else f"{message[: room - 1]}…"
    name = f"{outcome.task:<{NAME_WIDTH}}"
    line = f"{mark} {name} {message:<{room}} {outcome.seconds:7.2f} s"
    note(colour(line, COLOURS[mark]))


def colour(text: str, colour: str) -> str:
    """Colour a text where colours may be shown."""
    return f"\x1b[{colour}m{text}\x1b[0m" if is_terminal() else text


def print_error(error: BaseException, *, already_printed: bool = False) -> None:
    """Print what was refused: what, where, the log lines that explain it, and the way out.

    Args:
        told: The line just before says what already.
    """
    if isinstance(error, MultipleErrors):
        note(colour(f"! {error.what}:", "31"))
        for fault in error.errors:
            note(f"  {fault.place}: {fault.what}" if fault.place else f"  {fault.what}")
            for line in _excerpt(fault):
                note(f"      {line}")
            if fault.fix:
                note(f"      {spell_commands(fault.fix)}")
        return
    if not isinstance(error, FlowGateError):
        note(colour(f"! {error}", "31"))
        return
    if not already_printed:
        note(colour(f"! {error}", "31"))
    elif error.place:
        note(f"  at {error.place}")
    for line in _excerpt(error):
        note(f"    {line}")
    if error.log:
        note("  its last log lines:")
        for line in error.log:
            note(f"    | {line[:200]}")
    if error.fix:
        known = error.fix.startswith(("did you mean", "known:"))
        note(f"  {error.fix}" if known else f"  way out: {spell_commands(error.fix)}")


def _excerpt(error: FlowGateError) -> list[str]:
    if error.place.count(":") < 2:
        return []  # most refusals: the module is not even loaded
    from flowgate.cli.source_excerpt import excerpt

    return excerpt(error.place)


def spell_commands(text: str) -> str:
    """Spell the commands of a text as this front door takes them: `inv service.start`, or `flowgate service start`."""
    if "inv " not in text or os.path.basename(sys.argv[0]) != "flowgate":  # noqa: PTH119  pathlib costs more than this
        return text
    import re

    def words(found: re.Match[str]) -> str:
        return "flowgate " + found[1].replace(".", " ")

    return re.sub(r"(?<!uv run )\binv ([a-z][a-z-]*(?:\.[a-z-]+)*)", words, text)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns, the first row as a heading; what was asked for, so to stdout."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        data("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _clear() -> None:
    if is_terminal():
        print("\r\x1b[2K", end="", file=sys.stderr)
