"""The config as plain data with the line of every key: YAML, or JSON if the text begins with `{`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from flowgate.config.yaml_source import Marks, Source, Tree
from flowgate.domain import Reference
from flowgate.errors import FlowGateError, UsageError

# A character beyond the first 65,536 as JSON escapes it, or any other escape (so that `\\ud83d` is left alone).
ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL)


@dataclass(slots=True)
class Draft:
    """A config that is being read.

    Attributes:
        tree: The data.
        file: The file's name in `file:line`.
        lines: Dotted path → `file:line`.
        written: Dotted path → a number as it is written in the text ("022", "1.10").
        notes: What was changed while reading, one sentence each.
        faults: The errors found so far.
        references: Every `os.environ/NAME`.
    """

    tree: Tree
    file: str
    lines: dict[str, str]
    written: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[FlowGateError] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def place(self, path: str) -> str:
        """Return `file:line` of a dotted path, or of its nearest ancestor that is in the file."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return self.lines.get(path, f"{self.file}:1")

    def note(self, path: str, text: str) -> None:
        """Record a change, with its place."""
        self.notes.append(f"{self.place(path)}: {text}")

    def move(self, old: str, new: str) -> None:
        """Give everything below a path a second path with the same lines."""
        for table in (self.lines, self.written):
            below = {path: at for path, at in table.items() if path == old or path.startswith(f"{old}.")}
            table |= {new + path.removeprefix(old): at for path, at in below.items()}


def draft(text: str, file: str) -> Draft:
    """Parse the text of a config.

    Args:
        text: YAML or JSON.
        file: The file's name in `file:line`.

    Raises:
        UsageError: The text is not YAML, is empty or is not a mapping.
    """
    text, values = _from_json(text)
    source = Source(text, file)
    if source.root is None:
        raise UsageError("the config is empty", place=f"{file}:1", fix="`flowgate init` writes one to begin with")
    marks: Marks = {}
    keys: Marks = {}
    tree = source.plain(source.root, "", marks, keys)
    tree = tree if values is None else values
    if not isinstance(tree, dict):
        raise UsageError("the config must be a mapping (key: value)", place=f"{file}:1", fix="see config/examples/")
    lines = {path.lstrip("."): f"{file}:{line}" for path, (line, _) in (marks | keys).items()}
    written = {path.lstrip("."): number for path, number in source.written.items()}
    return Draft(tree, file, lines, written, faults=source.faults)


def _from_json(text: str) -> tuple[str, Any]:
    """Convert JSON to YAML with the same lines; return that text, and the values if the text is JSON.

    Source: PyYAML 6 without libyaml rejects tabs as indentation, every PyYAML rejects an escaped surrogate pair, and
        YAML 1.1 reads `1e5` as a string; a JSON string contains no literal tab.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return text, None
    import json

    try:
        values = json.loads(text.lstrip("\ufeff"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):  # the YAML parser's error has a better place
        return text, None
    return ESCAPE.sub(_character, text).replace("\t", " "), values


def _reject_constant(word: str) -> None:
    raise ValueError(word)


def _character(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return escape[0]
    return chr(0x10000 + (int(escape[1], 16) - 0xD800) * 0x400 + int(escape[2], 16) - 0xDC00)
