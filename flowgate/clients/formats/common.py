"""What the editors of all formats share: errors, and the text of lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from flowgate.clients.program import KeyPath
from flowgate.domain import Value

BOM = "\ufeff"


class CannotEdit(Exception):
    """A file that cannot be edited without changing what is the user's.

    Attributes:
        reason: Why, as the rest of a sentence: "has comments, which JSON does not allow".
        line: Line of the place, from 1; 0 if there is none.
    """

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.line = reason, line


class Malformed(CannotEdit):
    """A file that its program could not read either."""


@dataclass(slots=True)
class Made:
    """What was created around a value, so that it can be taken away with it.

    Attributes:
        before: Whitespace in front of a created section.
        after: Whitespace behind a created line.
        inner: Whitespace that an empty object had between its braces; None if it was not empty.
    """

    before: str = ""
    after: str = ""
    inner: str | None = None


@dataclass(slots=True)
class Edit:
    """A text with one more value, and what was created around it.

    Attributes:
        text: The text.
        made: Path of a created parent, or of the value itself → its surroundings.
    """

    text: str
    made: dict[KeyPath, Made] = field(default_factory=dict)


class Editor(Protocol):
    """Finds, adds and removes values in the text of one format. A byte order mark is not part of the text."""

    def parse(self, text: str) -> object:
        """Return the content as plain data.

        Raises:
            CannotEdit: It cannot be read, or has something that an edit would lose.
        """

    def find(self, text: str, path: KeyPath) -> tuple[int, int] | None:
        """Return where the value of a path begins and ends in the text; None if the path is not there."""

    def render(self, value: Value) -> str:
        """Return the text of a value."""

    def put(self, text: str, path: KeyPath, value: Value) -> Edit:
        """Add a value whose path is not there yet."""

    def take(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        """Remove a value, and the parents that were created for it if they are empty now."""


def newline_of(text: str) -> str:
    """Return the line end that a text uses."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def line_at(text: str, offset: int) -> int:
    """Return the number of the line of an offset, from 1."""
    return text.count("\n", 0, offset) + 1


def line_start(text: str, offset: int) -> int:
    """Return where the line of an offset begins."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Return where the line after that of an offset begins; the text's length for the last one."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def without_line(text: str, start: int, value_end: int) -> str:
    """Remove the line of a value; a comment behind the value was added by the user and keeps its place.

    Args:
        text: The text.
        start: Where the value's first line begins.
        value_end: Where the value ends.
    """
    end = line_end(text, value_end)
    rest = text[value_end:end].strip(" \t")
    indent = text[start : len(text) - len(text[start:].lstrip(" \t"))]
    return text[:start] + (indent + rest if rest.strip() else "") + text[end:]


def ended(text: str) -> str:
    """Return a text whose last line has a line end."""
    return text if not text or text.endswith("\n") else text + newline_of(text)
