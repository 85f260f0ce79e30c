"""YAML: values are found, added and removed in the text; comments, order, quotes and every other byte stay."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

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
from flowgate.clients.program import Entry, KeyPath
from flowgate.domain import Value

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}  # what YAML 1.1 or 1.2 reads as no text
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A value in the text.

    Attributes:
        node: The value.
        start: Where the line of its key, or of its dash, begins.
        column: Column of the key or the dash.
    """

    node: yaml.Node
    start: int
    column: int


class YamlEditor:
    """Edits one YAML document in block style."""

    def parse(self, text: str) -> object:
        """Return the content as plain data; scalars of unknown tags are pairs of tag and text."""
        root = _compose(text)
        return None if root is None else _plain(root, 0)

    def find(self, text: str, path: KeyPath) -> tuple[int, int] | None:
        """Return where the value of a path begins and ends."""
        found = _find(text, path)
        return (found.node.start_mark.index, _end(found.node)) if found else None

    def render(self, value: Value) -> str:
        """Return the text of a value."""
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self.render(one) for one in value) + "]"
        is_plain = isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS
        return str(value) if is_plain else json.dumps(value, ensure_ascii=False)

    def put(self, text: str, path: KeyPath, value: Value) -> Edit:
        """Add a value whose path is not there yet."""
        edit = Edit(text)
        for depth in range(1, len(path)):
            if _find(edit.text, path[:depth]) is None:
                edit.text = self._added(edit.text, path[:depth], "")
                edit.made[path[:depth]] = Made()
            else:
                self._open(edit, path[:depth])
        edit.text = self._added(edit.text, path, " " + self.render(value))
        return edit

    def take(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        """Remove a value, and the parents that were created for it if they are empty now."""
        text = _without(text, path)
        for depth in range(len(path) - 1, 0, -1):
            found = _find(text, path[:depth]) if path[:depth] in made else None
            if found and _is_bare(found.node, path[depth - 1]):
                at, inner = found.node.start_mark.index, made[path[:depth]].inner
                text = _without(text, path[:depth]) if inner is None else text[:at] + inner + text[at:]
        return text

    def _open(self, edit: Edit, path: KeyPath) -> None:
        """Turn `models: []` into `models:`, below which a block can stand."""
        found = _find(edit.text, path)
        node = found.node if found else None
        if not isinstance(node, yaml.CollectionNode) or node.value or isinstance(path[-1], Entry):
            return
        before = edit.text[: node.start_mark.index]
        colon, end = len(before.rstrip(" \t")), node.end_mark.index
        if before[:colon].endswith(":"):
            edit.made[path] = Made(inner=edit.text[colon:end])
            edit.text = edit.text[:colon] + edit.text[end:]

    def _added(self, text: str, path: KeyPath, rendered: str) -> str:
        last, newline = path[-1], newline_of(text)
        at, column = self._place(text, path[:-1], is_entry=isinstance(last, Entry))
        if isinstance(last, Entry):
            line = f"- {self.render(last.key)}: {self.render(last.value)}"
        else:
            line = f"{self.render(last)}:{rendered}"
        return ended(text[:at]) + " " * column + line + newline + text[at:]

    def _place(self, text: str, parent: KeyPath, *, is_entry: bool) -> tuple[int, int]:
        """Return where a line is to be inserted below a parent, and its column."""
        found = _find(text, parent)
        if found is None:
            return len(text), 0
        node = found.node
        kind = yaml.SequenceNode if is_entry else yaml.MappingNode
        if isinstance(node, kind) and not node.flow_style and node.value:
            last = node.value[-1] if is_entry else node.value[-1][1]
            return _below(text, _end(last)), node.start_mark.column
        if isinstance(node, yaml.ScalarNode) and not node.value and node.tag.endswith(":null") and parent:
            return _below(text, node.start_mark.index), found.column + (4 if isinstance(parent[-1], Entry) else 2)
        what = "list" if is_entry else "mapping"
        reason = f"has no {what} in block style at '{_dotted(parent)}'"
        raise CannotEdit(reason, line_at(text, node.start_mark.index))


def _compose(text: str) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        if "single document" in str(error.context):
            raise CannotEdit("has more than one document", line) from None
        raise Malformed("is not valid YAML", line) from None
    except (yaml.YAMLError, RecursionError) as error:
        position = getattr(error, "position", 0)
        raise Malformed("is not valid YAML", line_at(text, position)) from None
    return root


def _plain(node: yaml.Node, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise CannotEdit("is nested too deeply", node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[object, object] = {}
        for key, value in node.value:
            name = _plain(key, depth + 1)
            name = name if isinstance(name, (str, int, float, bool, tuple, type(None))) else repr(name)
            if name in found:
                raise Malformed(f"has the key '{key.value}' twice", key.start_mark.line + 1)
            found[name] = _plain(value, depth + 1)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, depth + 1) for one in node.value]
    try:
        loader = yaml.SafeLoader("")
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return (node.tag, node.value)


def _find(text: str, path: KeyPath) -> Found | None:
    root = _compose(text)
    if root is None:
        return None
    found = Found(root, 0, 0)
    for index, key in enumerate(path):
        step = _entry(text, found.node, key) if isinstance(key, Entry) else _member(text, found.node, key)
        if step is None:
            _require(text, found.node, key, path[:index])
            return None
        found = step
    return found


def _member(text: str, node: yaml.Node, name: str) -> Found | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return Found(value, line_start(text, key.start_mark.index), key.start_mark.column)
    return None


def _entry(text: str, node: yaml.Node, entry: Entry) -> Found | None:
    for one in node.value if isinstance(node, yaml.SequenceNode) else ():
        named = _member(text, one, entry.key)
        if named and named.node.value == entry.value:
            return Found(one, line_start(text, one.start_mark.index), node.start_mark.column)
    return None


def _require(text: str, node: yaml.Node, key: str | Entry, path: KeyPath) -> None:
    """Refuse a parent of another kind than the path needs; a parent without a value can become either."""
    kind = yaml.SequenceNode if isinstance(key, Entry) else yaml.MappingNode
    is_empty = isinstance(node, yaml.ScalarNode) and not node.value and node.tag.endswith(":null")
    if not isinstance(node, kind) and not is_empty:
        what = "list" if isinstance(key, Entry) else "mapping"
        raise CannotEdit(f"has no {what} at '{_dotted(path)}'", line_at(text, node.start_mark.index))


def _end(node: yaml.Node) -> int:
    """Return where the last character of a value is; what PyYAML counts to a block goes on to the next key."""
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value
    if not is_block:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _below(text: str, end: int) -> int:
    """Return where the line below a value begins."""
    return end if end and text[end - 1] == "\n" else line_end(text, end)


def _without(text: str, path: KeyPath) -> str:
    found = _find(text, path)
    if found is None:
        raise CannotEdit(f"has nothing at '{_dotted(path)}'")
    end = _end(found.node)
    is_above = line_at(text, found.start) != line_at(text, max(end - 1, found.start))
    if is_above:
        return text[: found.start] + text[_below(text, end) :]
    return without_line(text, found.start, end)


def _is_bare(node: yaml.Node, key: str | Entry) -> bool:
    if isinstance(key, Entry):
        return isinstance(node, yaml.MappingNode) and len(node.value) == 1
    return isinstance(node, yaml.ScalarNode) and not node.value


def _dotted(path: KeyPath) -> str:
    return ".".join(one if isinstance(one, str) else f"{one.key}={one.value}" for one in path) or "the top"
