"""Files of environment variables: those that programs read (`.env`), and those that a shell sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote

from flowgate.clients.formats.common import Edit, Made, ended, line_start, newline_of, without_line
from flowgate.clients.program import KeyPath
from flowgate.domain import Value

LINE = re.compile(
    r"""(?mx) ^[ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_][\w.-]*) [ \t]*=[ \t]*
    (?P<value> "(?:[^"\\]|\\[\s\S])*" | '[^']*' | `[^`]*` | [^\s\#] (?: [^\r\n\#] | (?<![ \t])\# )*? | )
    (?= [ \t]* (?:[ \t]\#[^\n]*)? \r?$ )"""
)
PLAIN = re.compile(r"[\w:/.@+,-]*")


@dataclass(frozen=True, slots=True)
class EnvEditor:
    """Edits lines of the form `NAME=value`; other lines stay as they are.

    Attributes:
        exported: New lines begin with `export`, and values are quoted for a shell.
    """

    exported: bool = False

    def parse(self, text: str) -> object:
        """Return the variables as a mapping; the last definition of a name counts."""
        return {name: _value(written) for name, written, _ in _lines(text)}

    def find(self, text: str, path: KeyPath) -> tuple[int, int] | None:
        """Return where the value of a variable begins and ends."""
        places = [place for name, _, place in _lines(text) if name == path[0]]
        return places[-1] if places else None

    def render(self, value: Value) -> str:
        """Return the text of a value."""
        written = str(value)
        if self.exported:
            return quote(written) if written else "''"
        return written if PLAIN.fullmatch(written) else '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def put(self, text: str, path: KeyPath, value: Value) -> Edit:
        """Add a variable that is not there yet."""
        text = ended(text)
        export = "export " if self.exported else ""
        return Edit(f"{text}{export}{path[0]}={self.render(value)}{newline_of(text)}")

    def take(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        """Remove the line of a variable."""
        place = self.find(text, path)
        return text if place is None else without_line(text, line_start(text, place[0]), place[1])


def _lines(text: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    for found in LINE.finditer(text):
        yield found["name"], found["value"], found.span("value")


def _value(written: str) -> str:
    if len(written) > 1 and written[0] == written[-1] and written[0] in "\"'`":
        inner = written[1:-1]
        return re.sub(r'\\([\\"])', r"\1", inner) if written[0] == '"' else inner
    return written
