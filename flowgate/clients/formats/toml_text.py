"""TOML: values are found, added and removed in the text; comments, order and every other byte stay."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowgate.clients.formats.common import (
    CannotEdit,
    Edit,
    Made,
    Malformed,
    ended,
    line_at,
    line_end,
    line_start,
    newline_of,
    without_line,
)
from flowgate.clients.program import KeyPath
from flowgate.domain import Value

BARE = re.compile(r"[A-Za-z0-9_-]+")
PART = re.compile(r"""[ \t]*(?:(?P<bare>[A-Za-z0-9_-]+)|(?P<quoted>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))[ \t]*""")
STRINGS = re.compile(r'''"""(?:[^\\]|\\[\s\S])*?"{3,5}|\'\'\'[\s\S]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''')
PLAIN = re.compile(r"[^\s,\]}#]+(?: \d\d:\d\d[^\s,\]}#]*)?")  # a date and its time may have a blank between them
BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


@dataclass(frozen=True, slots=True)
class Statement:
    """A key with its value, or the heading of a table.

    Attributes:
        path: Where its value is; the index of an entry of an array of tables is part of it.
        start: Where its line begins.
        value: Where its value begins; -1 for a heading.
        value_end: Where its value, or the heading, ends.
        end: Where the next line begins.
    """

    path: tuple[str | int, ...]
    start: int
    value: int
    value_end: int
    end: int


def statements(text: str) -> list[Statement]:
    """Return the statements of a valid document, in order."""
    return list(_statements(text))


def _statements(text: str) -> Iterator[Statement]:
    prefix: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    at = _past_blank(text, 0)
    while at < len(text):
        start = line_start(text, at)
        if text[at] == "[":
            doubled = text.startswith("[[", at)
            names, at = _key(text, at + 1 + doubled)
            at += 1 + doubled
            prefix = _table_path(names, counts, doubled)
            yield Statement(prefix, start, -1, at, line_end(text, at))
        else:
            names, at = _key(text, at)
            value = at + 1 + len(text[at + 1 :]) - len(text[at + 1 :].lstrip(" \t"))
            at = _past_value(text, value)
            yield Statement((*prefix, *names), start, value, at, line_end(text, at))
        at = _past_blank(text, at)


def _table_path(
    names: tuple[str, ...], counts: dict[tuple[str | int, ...], int], doubled: bool
) -> tuple[str | int, ...]:
    """Return the path of a heading; a name that is an array of tables means its last entry."""
    path: tuple[str | int, ...] = ()
    for index, name in enumerate(names):
        path = (*path, name)
        if doubled and index == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _key(text: str, at: int) -> tuple[tuple[str, ...], int]:
    names = []
    while True:
        found = PART.match(text, at)
        if not found:
            raise CannotEdit("has a key that cannot be read", line_at(text, at))
        quoted = found["quoted"]
        if quoted is None:
            names.append(found["bare"])
        else:
            names.append(str(tomllib.loads(f"x = {quoted}")["x"]))
        at = found.end()
        if text[at : at + 1] != ".":
            return tuple(names), at
        at += 1


def _past_blank(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _past_value(text: str, at: int) -> int:
    if text[at : at + 1] in ("[", "{"):
        return _past_brackets(text, at)
    found = (STRINGS if text[at : at + 1] in ("'", '"') else PLAIN).match(text, at)
    if not found:
        raise CannotEdit("has a value that cannot be read", line_at(text, at))
    return found.end()


def _past_brackets(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        letter = text[at]
        if letter in "\"'":
            found = STRINGS.match(text, at)
            at = found.end() if found else len(text)
            continue
        if letter == "#":
            at = line_end(text, at)
            continue
        depth += (letter in "[{") - (letter in "]}")
        at += 1
        if not depth:
            return at
    raise CannotEdit("has a list that does not end", line_at(text, at))


class TomlEditor:
    """Edits TOML."""

    def parse(self, text: str) -> object:
        """Return the content as plain data."""
        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            found = re.search(r"at line (\d+)", str(error))
            line = int(found.group(1)) if found else line_at(text, len(text.rstrip()))
            raise Malformed("is not valid TOML", line) from None

    def find(self, text: str, path: KeyPath) -> tuple[int, int] | None:
        """Return where the value of a path begins and ends."""
        if (one := _statement(text, path)) is not None:
            return one.value, one.value_end
        if _lookup(self.parse(text), path):
            raise CannotEdit(f"has '{'.'.join(map(str, path))}' inside an inline table")
        return None

    def render(self, value: Value) -> str:
        """Return the text of a value."""
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self.render(one) for one in value) + "]"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

    def put(self, text: str, path: KeyPath, value: Value) -> Edit:
        """Add a value whose path is not there yet."""
        newline = newline_of(text)
        line = f"{_dotted(path[-1:])} = {self.render(value)}{newline}"
        found = statements(text)
        if len(path) == 1:
            return self._put_on_top(text, found, line, path)
        heading = next((one for one in found if one.value < 0 and one.path == path[:-1]), None)
        if heading:
            inside = [one for one in found if one.start > heading.start and one.value >= 0]
            following = next((one.start for one in found if one.start > heading.start and one.value < 0), len(text))
            at = max([heading.end, *(one.end for one in inside if one.start < following)])
            return Edit(_inserted(text, at, line))
        text = ended(text)
        gap = newline if text.strip() and not text.endswith((newline * 2, "\n\n")) else ""
        heading_line = f"[{_dotted(path[:-1])}]{newline}"
        return Edit(text + gap + heading_line + line, {path[:-1]: Made(before=gap)})

    def take(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        """Remove a value, and the table that was created for it if it is empty now."""
        if (one := _statement(text, path)) is None:
            raise CannotEdit(f"has nothing at '{'.'.join(map(str, path))}'")
        start = one.start
        after = made[path].after if path in made else ""
        text = without_line(text, start, one.value_end)
        if after and text.startswith(after, start):
            text = text[:start] + text[start + len(after) :]
        return self._without_heading(text, path[:-1], made)

    def _put_on_top(self, text: str, found: list[Statement], line: str, path: KeyPath) -> Edit:
        first = next((one.start for one in found if one.value < 0), len(text) + 1)
        above = [one.end for one in found if one.start < first]
        if above:
            return Edit(_inserted(text, max(above), line))
        at = _past_preamble(text) if first <= len(text) else len(text)
        after = newline_of(text) if text[at:].strip() else ""
        return Edit(_inserted(text, at, line + after), {path: Made(after=after)} if after else {})

    def _without_heading(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        if not path or path not in made:
            return text
        found = statements(text)
        heading = next((one for one in found if one.value < 0 and one.path == path), None)
        if heading is None:
            return text
        following = next((one for one in found if one.start > heading.start), None)
        if following and following.value >= 0:
            return text
        before = made[path].before
        start = heading.start - len(before) if text[: heading.start].endswith(before) else heading.start
        rest = text[heading.value_end : heading.end].strip(" \t")
        return text[:start] + (rest if rest.startswith("#") else "") + text[heading.end :]


def _statement(text: str, path: KeyPath) -> Statement | None:
    return next((one for one in statements(text) if one.value >= 0 and one.path == path), None)


def _past_preamble(text: str) -> int:
    """Return where the comments at the top end: directives of editors, or a heading of its own with a blank line."""
    at = 0
    while text.startswith("#:", at):
        at = line_end(text, at)
    end = at
    while text.startswith("#", end):
        end = line_end(text, end)
    return line_end(text, end) if end > at and text[end : line_end(text, end)].strip() == "" and end < len(text) else at


def _inserted(text: str, at: int, line: str) -> str:
    return ended(text[:at]) + line + text[at:]


def _dotted(path: KeyPath) -> str:
    words = [str(one) for one in path]
    return ".".join(one if BARE.fullmatch(one) else json.dumps(one) for one in words)


def _lookup(tree: object, path: KeyPath) -> bool:
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True
