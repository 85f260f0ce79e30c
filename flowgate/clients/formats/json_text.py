"""JSON: values are found, added and removed in the text; order, indentation and line ends stay."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.clients.formats.common import CannotEdit, Edit, Made, Malformed, line_at, newline_of
from flowgate.clients.program import KeyPath
from flowgate.domain import Value

SPACE = re.compile(r"[ \t\r\n]*")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
SCALAR = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
COMMENTED = "has comments or trailing commas, which are lost when JSON is written"


@dataclass(slots=True)
class Node:
    """One value in the text.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        members: The members of an object: key → (where the key begins, the value); None for other values.
    """

    start: int
    end: int = 0
    members: dict[str, tuple[int, Node]] | None = field(default=None)


class _Scanner:
    """Reads strict JSON and notes where each value of an object is."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def document(self) -> Node:
        node = self.value()
        self.space()
        if self.at < len(self.text):
            raise self.fault()
        return node

    def value(self) -> Node:
        self.space()
        node = Node(self.at)
        opening = self.text[self.at : self.at + 1]
        if opening == "{":
            node.members = {}
            self.items("}", node.members)
        elif opening == "[":
            self.items("]", None)
        else:
            found = (STRING if opening == '"' else SCALAR).match(self.text, self.at)
            if not found:
                raise self.fault()
            self.at = found.end()
        node.end = self.at
        return node

    def items(self, closing: str, members: dict[str, tuple[int, Node]] | None) -> None:
        self.at += 1
        self.space()
        if self.text[self.at : self.at + 1] == closing:
            self.at += 1
            return
        while True:
            self.space()
            if members is None:
                self.value()
            else:
                start, key = self.at, self.key()
                if key in members:
                    raise CannotEdit(f"has the key '{key}' twice in one object", line_at(self.text, start))
                members[key] = (start, self.value())
            self.space()
            following = self.text[self.at : self.at + 1]
            self.at += 1
            if following == closing:
                return
            if following != ",":
                self.at -= 1
                raise self.fault()
            self.space()
            if self.text[self.at : self.at + 1] in ("}", "]"):
                raise CannotEdit(COMMENTED, line_at(self.text, self.at))

    def key(self) -> str:
        found = STRING.match(self.text, self.at)
        if not found:
            raise self.fault()
        self.at = found.end()
        self.space()
        if self.text[self.at : self.at + 1] != ":":
            raise self.fault()
        self.at += 1
        return str(json.loads(found.group(), strict=False))

    def space(self) -> None:
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        if self.text.startswith(("//", "/*"), self.at):
            raise CannotEdit(COMMENTED, line_at(self.text, self.at))

    def fault(self) -> Malformed:
        return Malformed("is not valid JSON", line_at(self.text, self.at))


class JsonEditor:
    """Edits JSON; an empty file is an empty object."""

    def parse(self, text: str) -> object:
        """Return the content as plain data."""
        if not text.strip():
            return {}
        root = self._root(text)
        if root.members is None:
            raise CannotEdit("is not a JSON object")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Malformed("is not valid JSON", getattr(error, "lineno", 0)) from None

    def find(self, text: str, path: KeyPath) -> tuple[int, int] | None:
        """Return where the value of a path begins and ends."""
        node = self._node(text, path)
        return (node.start, node.end) if node else None

    def render(self, value: Value) -> str:
        """Return the text of a value."""
        return json.dumps(value, ensure_ascii=False)

    def put(self, text: str, path: KeyPath, value: Value) -> Edit:
        """Add a value whose path is not there yet."""
        edit = Edit(text)
        if not text.strip():
            edit.made[()] = Made(before=text)
            edit.text = "{}\n"
        for depth in range(1, len(path)):
            if self._node(edit.text, path[:depth]) is None:
                self._add(edit, path[:depth], "{}")
                edit.made.setdefault(path[:depth], Made())
        self._add(edit, path, self.render(value))
        return edit

    def take(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        """Remove a value, and the parents that were created for it if they are empty now."""
        text = self._without(text, path, made)
        for depth in range(len(path) - 1, 0, -1):
            node = self._node(text, path[:depth])
            if path[:depth] in made and made[path[:depth]].inner is None and node and node.members == {}:
                text = self._without(text, path[:depth], made)
        was_blank = () in made and made[()].inner is None
        return made[()].before if was_blank and text in ("{}\n", "{}") else text

    def _root(self, text: str) -> Node:
        try:
            return _Scanner(text).document()
        except RecursionError:
            raise CannotEdit("is nested too deeply") from None

    def _node(self, text: str, path: KeyPath) -> Node | None:
        if not text.strip():
            return None
        node = self._root(text)
        for index, key in enumerate(path):
            if node.members is None:
                raise CannotEdit(f"has no object at '{_dotted(path[:index])}'", line_at(text, node.start))
            if not isinstance(key, str):
                raise CannotEdit(f"has a list at '{_dotted(path[:index])}'", line_at(text, node.start))
            if key not in node.members:
                return None
            node = node.members[key][1]
        return node

    def _add(self, edit: Edit, path: KeyPath, rendered: str) -> None:
        text = edit.text
        parent = self._node(text, path[:-1])
        if parent is None or parent.members is None:
            raise CannotEdit(f"has no object at '{_dotted(path[:-1])}'", line_at(text, parent.start if parent else 0))
        key = json.dumps(path[-1], ensure_ascii=False)
        if parent.members:
            separator, colon, end = self._style(text, parent)
            edit.text = text[:end] + "," + separator + key + colon + rendered + text[end:]
            return
        inner = text[parent.start + 1 : parent.end - 1]
        if edit.made.get(path[:-1]) is None:
            edit.made[path[:-1]] = Made(inner=inner)
        filled = self._filled(text, len(path), key, rendered)
        edit.text = text[: parent.start + 1] + filled + text[parent.end - 1 :]

    def _filled(self, text: str, depth: int, key: str, rendered: str) -> str:
        root = self._root(text)
        if root.members and "\n" not in text[root.start : root.end]:
            return f"{key}: {rendered}" if self._style(text, root)[1] != ":" else f"{key}:{rendered}"
        unit, newline = self._indent(text, root), newline_of(text)
        return f"{newline}{unit * depth}{key}: {rendered}{newline}{unit * (depth - 1)}"

    def _style(self, text: str, parent: Node) -> tuple[str, str, int]:
        """Return what stands before a key, what stands behind it, and where the last value ends."""
        assert parent.members
        (start, last) = max(parent.members.values(), key=lambda one: one[0])
        before = re.search(r"[ \t\r\n]*$", text[:start])
        found = STRING.match(text, start)
        between = text[found.end() : last.start] if found else ": "
        separator = before.group() if before else ""
        if not separator and between != ":":
            separator = " "
        return separator, between if between.strip() == ":" and "\n" not in between else ": ", last.end

    def _indent(self, text: str, root: Node) -> str:
        if root.members:
            start = min(start for start, _ in root.members.values())
            found = re.search(r"\n([ \t]+)$", text[:start])
            if found:
                return found.group(1)
        return "  "

    def _without(self, text: str, path: KeyPath, made: Mapping[KeyPath, Made]) -> str:
        parent = self._node(text, path[:-1])
        if parent is None or not parent.members or path[-1] not in parent.members:
            raise CannotEdit(f"has nothing at '{_dotted(path)}'")
        order = sorted(parent.members.values(), key=lambda one: one[0])
        start, node = parent.members[str(path[-1])]
        index = order.index((start, node))
        if index:  # from the end of the value before: its comma goes, that of this member stays
            return text[: order[index - 1][1].end] + text[node.end :]
        if len(order) > 1:
            return text[:start] + text[order[1][0] :]
        inner = made[path[:-1]].inner if path[:-1] in made else None
        return text[: parent.start + 1] + (inner or "") + text[parent.end - 1 :]


def _dotted(path: KeyPath) -> str:
    return ".".join(one if isinstance(one, str) else f"{one.key}={one.value}" for one in path) or "the top"
