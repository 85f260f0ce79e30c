"""What a run changes in files, shown line by line, and what a check could not tell."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from flowgate.cli import console
from flowgate.domain import Outcome

COLOURS = {"+": "32", "-": "31", "@": "36"}
LINES = 400  # of one file's differences that are shown
KEY = re.compile(r"\bsk-[A-Za-z0-9_-]+")
# `api_key: value`, `"password": "value"`; what is no secret but a reference to one stays readable.
NAMED = re.compile(
    r"""(?ix) (["']?[\w.-]*(?:api[_-]?key|master[_-]?key|secret|token(?!s)|password)[\w.-]*["']?\s*[:=]\s*)
    (?!["']?os\.environ/)("[^"]*"|'[^']*'|[^\s"',}\]\#{[][^,}\]\#]*)"""
)


def show_diff(outcome: Outcome) -> None:
    """Show people the lines that differ in the files of one task, without what is secret in them."""
    for path, old, new in outcome.diff:
        lines = list(differences(path, old, new))
        for line in lines[:LINES]:
            console.note(f"    {console.colour(line, COLOURS[line[0]]) if line[:1] in COLOURS else line}")
        if len(lines) > LINES:
            console.note(f"    … and {len(lines) - LINES} lines more")


def differences(path: str, old: str, new: str) -> Iterator[str]:
    """Give the lines of a unified diff; a secret is masked after the comparison, so that a changed one shows."""
    before, after = old.splitlines(), new.splitlines()
    name = path if old else f"{path} (new)"
    for line in difflib.unified_diff(before, after, fromfile=name, tofile=path, lineterm="", n=2):
        yield mask_secrets(line)


def mask_secrets(line: str) -> str:
    """Take keys and passwords out of a line."""
    return KEY.sub("sk-…", NAMED.sub(_without_value, line))


def _without_value(found: re.Match[str]) -> str:
    quote = found[2][0] if found[2][0] in "\"'" else ""
    return f"{found[1]}{quote}…{quote}"


def show_unpredicted(outcomes: Iterable[Outcome]) -> None:
    """List what a check could not tell, by task, so that a green check promises nothing it does not know."""
    unknown = [one for one in outcomes if one.unpredicted]
    if not unknown:
        return
    console.note(f"? this check could not foretell {len(unknown)} of its tasks:")
    for one in unknown:
        console.note(f"    {one.task} ({one.place}): {one.unpredicted}")
