"""The lines that a run changes in files, without secrets, and the tasks that check mode cannot predict."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from flowgate.cli import console
from flowgate.domain import Outcome
from flowgate.domain.secret_names import HIDDEN, mask_line

COLOURS = {"+": console.GREEN, "-": console.RED, "@": "36"}
LINES = 400  # shown of one file's diff


def show_diff(outcome: Outcome) -> None:
    """Print the lines that one task changes in files; secrets are masked."""
    for path, old, new in outcome.diff:
        lines = list(diff_lines(path, old, new))
        for line in lines[:LINES]:
            shown = f"    {line}"
            console.quote(console.colour(shown, COLOURS[line[0]]) if line[:1] in COLOURS else shown)
        if len(lines) > LINES:
            console.note(f"    … and {len(lines) - LINES} more lines")


def diff_lines(path: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff; secrets are masked after the comparison, so that a changed one is listed.

    Args:
        path: Path of the file, for the heading.
        old: Its text; empty for a new file.
        new: The text to write.
    """
    before, after = old.splitlines(), new.splitlines()
    name = path if old else f"{path} (new)"
    for line in difflib.unified_diff(before, after, fromfile=name, tofile=path, lineterm="", n=2):
        yield mask_secrets(line)


def mask_secrets(line: str) -> str:
    """Replace keys and passwords in a line by "…"."""
    return mask_line(line, lambda secret: HIDDEN)


def show_unpredicted(outcomes: Iterable[Outcome]) -> None:
    """Print the tasks whose result check mode cannot predict, and why."""
    unknown = [one for one in outcomes if one.unpredicted]
    if not unknown:
        return
    tasks = "task" if len(unknown) == 1 else "tasks"
    console.note(f"? check mode cannot predict {len(unknown)} {tasks}:")
    for one in unknown:
        console.note(f"    {one.task} ({one.place}): {one.unpredicted}")
