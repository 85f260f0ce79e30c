"""Owned values of one configuration text: written, compared with what was written, and taken back.

Each edit is checked before it counts: what is read afterwards is what was read before, and the owned values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from flowgate.clients.formats.common import BOM, CannotEdit, Edit, Editor, Made
from flowgate.clients.formats.env_text import EnvEditor
from flowgate.clients.formats.json_text import JsonEditor
from flowgate.clients.formats.toml_text import TomlEditor
from flowgate.clients.formats.trees import is_same, lookup, with_value
from flowgate.clients.formats.yaml_text import YamlEditor
from flowgate.clients.program import Format, KeyPath
from flowgate.domain import Value

EDITORS: dict[Format, Editor] = {
    "toml": TomlEditor(),
    "json": JsonEditor(),
    "yaml": YamlEditor(),
    "dotenv": EnvEditor(),
    "shell": EnvEditor(exported=True),
}


@dataclass(frozen=True, slots=True)
class Owned:
    """One owned value: what was there before, and what was written.

    Attributes:
        previous: The text of the value that was there before; None if there was none.
        written: Fingerprint of the value that was written.
    """

    previous: str | None = field(repr=False)
    written: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """What FlowGate owns in one file.

    Attributes:
        values: The owned values, in the order in which they were written.
        made: What was created around them.
        unended: The last line of the file had no line end.
    """

    values: Mapping[KeyPath, Owned] = field(default_factory=dict)
    made: Mapping[KeyPath, Made] = field(default_factory=dict)
    unended: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A text with the owned values.

    Attributes:
        text: The text.
        ownership: What is owned in it now.
        replaced: The values of the user that were replaced.
        changed: The values of FlowGate that somebody had changed, or removed, since they were written.
    """

    text: str
    ownership: Ownership
    replaced: tuple[KeyPath, ...] = ()
    changed: tuple[KeyPath, ...] = ()


def fingerprint(value: object) -> str:
    """Return the SHA-256 of a value, from which it cannot be read."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def value_at(text: str, format_: Format, path: KeyPath) -> object:
    """Return the value at a path; None if it is not there.

    Args:
        text: The configuration.
        format_: How it is written.
        path: The path.

    Raises:
        CannotEdit: It cannot be read.
    """
    return lookup(EDITORS[format_].parse(text.removeprefix(BOM)), path)


def write(text: str, format_: Format, values: Mapping[KeyPath, Value], earlier: Ownership | None = None) -> Written:
    """Write owned values into a configuration.

    Args:
        text: The configuration.
        format_: How it is written.
        values: The values.
        earlier: What is owned already.

    Returns:
        The text, which is the same if it has the values already, and what is owned in it.

    Raises:
        CannotEdit: It cannot be read, or not be edited without touching what is the user's.
    """
    before = earlier or Ownership(unended=text not in ("", BOM) and not text.endswith("\n"))
    mark = BOM if text.startswith(BOM) else ""
    state = _Writing(EDITORS[format_], text.removeprefix(BOM), before)
    for path, value in values.items():
        state.set(path, value)
    return Written(
        mark + state.text,
        Ownership(state.owned, state.made, before.unended),
        tuple(state.replaced),
        tuple(state.changed),
    )


class _Writing:
    """One configuration while its owned values are written."""

    def __init__(self, editor: Editor, text: str, earlier: Ownership) -> None:
        self.editor, self.text, self.earlier = editor, text, earlier
        self.tree = editor.parse(text)
        self.owned: dict[KeyPath, Owned] = {}
        self.made: dict[KeyPath, Made] = dict(earlier.made)
        self.replaced: list[KeyPath] = []
        self.changed: list[KeyPath] = []

    def set(self, path: KeyPath, value: Value) -> None:
        place = self.editor.find(self.text, path)
        known = self.earlier.values.get(path)
        written = fingerprint(value)
        if place is None:
            self._insert(path, value)
            if known:
                self.changed.append(path)
            self.owned[path] = Owned(None, written)
            return
        current = lookup(self.tree, path)
        is_ours = known is not None and fingerprint(current) == known.written
        previous = known.previous if known and is_ours else self.text[slice(*place)]
        self.owned[path] = Owned(previous, written)
        if known and not is_ours:
            self.changed.append(path)
        if current != value or type(current) is not type(value):
            if not is_ours and not known:
                self.replaced.append(path)
            self._replace(path, place, value)

    def _insert(self, path: KeyPath, value: Value) -> None:
        edit = self.editor.put(self.text, path, value)
        for parent, made in edit.made.items():
            self.made[parent] = made
        self._accept(edit, path, value)

    def _replace(self, path: KeyPath, place: tuple[int, int], value: Value) -> None:
        rendered = self.editor.render(value)
        if place[0] == place[1] and self.text[place[0] - 1 : place[0]] == ":":
            rendered = " " + rendered  # `key:` of YAML, with nothing behind it
        self._accept(Edit(self.text[: place[0]] + rendered + self.text[place[1] :]), path, value)

    def _accept(self, edit: Edit, path: KeyPath, value: Value) -> None:
        self.tree = checked(self.editor, edit.text, with_value(self.tree, path, value), path)
        self.text = edit.text


def checked(editor: Editor, text: str, wanted: object, path: KeyPath) -> object:
    """Return the content of an edited text if it is what was wanted; nothing else may have changed.

    Args:
        editor: The editor of its format.
        text: The edited text.
        wanted: What it has to contain.
        path: The path of the edited value.

    Raises:
        CannotEdit: It contains something else.
    """
    refusal = CannotEdit("is written in a way that FlowGate cannot change without touching the rest")
    try:
        found = editor.parse(text)
    except CannotEdit:
        raise refusal from None
    if not is_same(found, wanted, path):
        raise refusal
    return found
