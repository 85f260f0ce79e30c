"""YAML text as nodes and plain data, with the line and column of each value."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from flowgate.config.spelled_numbers import spelled
from flowgate.config.yaml_compose import MAX_DEPTH, compose
from flowgate.config.yaml_tags import TAG, tag_fix
from flowgate.errors import FlowGateError, UsageError

if TYPE_CHECKING:
    from yaml.constructor import SafeConstructor
    from yaml.nodes import Node, ScalarNode

Tree = dict[str, Any]  # a mapping as `Source.plain` returns it, before its values are checked
Marks = dict[str, tuple[int, int]]  # dotted path → (line, column), both from 1

MAX_BITS = 1024  # bits of a whole number: Python cannot convert much longer ones to a string
IN_PROGRESS = (0, 0)


class Pair(NamedTuple):
    """One entry of a mapping: its key as a string, and both nodes."""

    key: str
    key_node: ScalarNode
    node: Node


class Source:
    """A parsed YAML text; errors in it are collected in `faults`.

    Args:
        text: The YAML. Aliases may neither make it much larger (a "billion laughs" file) nor nest deeper than 100
            levels.
        file: The file's name in `file:line`.

    Raises:
        UsageError: The text is not YAML.
    """

    keeps_spelling = False  # whether `plain` returns numbers that keep their spelling

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.faults: list[FlowGateError] = []
        self.written: dict[str, str] = {}  # dotted path → a number as it is written in the text ("022", "1.10")
        self.root = compose(text, file)
        if self.root is not None and "*" in text:  # without an alias its size and depth are those of the text
            self._measure_aliases(self.root, {}, budget=len(text) + 50_000)

    def at(self, node: Node) -> str:
        """Return `file:line:column` of a node."""
        line, column = position(node)
        return f"{self.file}:{line}:{column}"

    def add_fault(self, what: str, node: Node, fix: str = "") -> None:
        """Record an error at a node and continue."""
        self.faults.append(UsageError(what, fix=fix, place=self.at(node)))

    def items(self, node: Node, what: str) -> list[Node]:
        """Return the nodes of a list; anything else is an error."""
        if kind(node) == "seq":
            return list(node.value)
        if not self._has_foreign_tag(node):
            self.add_fault(f"{what} must be a list", node)
        return []

    def pairs(self, node: Node, what: str) -> list[Pair]:
        """Return the entries of a mapping, those of merge keys (`<<`) included; anything else is an error."""
        if kind(node) != "map":
            if not self._has_foreign_tag(node):
                self.add_fault(f"{what} must be a mapping (key: value)", node)
            return []
        found: dict[str, Pair] = {}
        for pair in self._own(node):
            if pair.key in found:
                first = found[pair.key].key_node.start_mark.line + 1
                self.add_fault(
                    f"duplicate key '{pair.key}'", pair.key_node, f"remove one; the first is in line {first}"
                )
            found[pair.key] = pair
        for pair in self._merged(node, what):
            found.setdefault(pair.key, pair)
        return list(found.values())

    def plain(self, node: Node, path: str, marks: Marks, keys: Marks | None = None) -> Any:
        """Return a node as plain data.

        Args:
            node: The node.
            path: Its dotted path.
            marks: Receives the line and column of every value.
            keys: Receives the line and column of every key.
        """
        marks[path] = position(node)
        shape = kind(node)
        if shape == "seq":
            return [self.plain(entry, f"{path}.{index}", marks, keys) for index, entry in enumerate(node.value)]
        if shape == "map":
            found: dict[Hashable, Any] = {}
            for pair in self.pairs(node, "a mapping"):
                key, below = self._scalar(pair.key_node), f"{path}.{pair.key}"
                if keys is not None:
                    keys[below] = position(pair.key_node)
                    if not isinstance(key, str):  # `on:` is the key True: its place can be looked up under both
                        keys.setdefault(f"{path}.{key}", keys[below])
                found[key] = self.plain(pair.node, below, marks, keys)
            return found
        value = self._scalar(node)
        if isinstance(value, (int, float)):
            self.written[path] = node.value
        return value

    def _own(self, node: Node) -> Iterator[Pair]:
        for key_node, value in node.value:
            if not isinstance(key_node.value, str):
                self.add_fault(
                    "a key must be a string", key_node, 'quote a value that begins with an expression: "{{ … }}"'
                )
            elif key_node.tag != TAG + "merge":
                yield Pair(str(key_node.value), key_node, value)

    def _merged(self, node: Node, what: str) -> Iterator[Pair]:
        for key_node, value in node.value:
            if key_node.tag == TAG + "merge":
                for under in value.value if kind(value) == "seq" else [value]:
                    yield from self.pairs(under, what)

    def _scalar(self, node: Node) -> Any:
        tag, value = node.tag.removeprefix(TAG), node.value
        if self._has_foreign_tag(node):
            return None
        if not isinstance(value, str):
            self.add_fault(f"the tag '!!{tag}' cannot be used for a list or a mapping", node)
            return None
        # A date stays a string, because reports are JSON. `=` and `<<` as values are strings too.
        if tag in ("str", "timestamp", "value", "merge"):
            return value
        if tag == "null":
            return None
        try:
            number = getattr(_constructor(), f"construct_yaml_{tag}")(node)
        except (ValueError, LookupError, OverflowError):
            number = None
        if number is None or (isinstance(number, int) and number.bit_length() > MAX_BITS):
            self.add_fault(f"'{value[:40]}' cannot be read as {tag}", node, "put it in quotes if it is text")
            return None
        return spelled(number, value) if self.keeps_spelling else number

    def _has_foreign_tag(self, node: Node) -> bool:
        """Add a fault for a tag that is not one of YAML's simple types; return whether there was one."""
        fix = tag_fix(node.tag)
        if fix:
            self.add_fault(f"the tag '{node.tag.replace(TAG, '!!')}' is not supported", node, fix)
        return bool(fix)

    def _measure_aliases(self, node: Node, known: dict[int, tuple[int, int]], budget: int) -> tuple[int, int]:
        """Return the number of nodes and levels of a text whose aliases are expanded.

        Args:
            node: The node to begin with.
            known: Id of a node → its result; `IN_PROGRESS` for a node whose descendants are being counted.
            budget: The largest number of nodes.
        """
        found = known.get(id(node))
        if found == IN_PROGRESS:
            raise UsageError("an alias is used inside the value that it names", place=self.at(node))
        if found is not None:
            return found
        known[id(node)] = IN_PROGRESS
        size, depth = 1, 0
        for child in _children(node):
            child_size, child_depth = self._measure_aliases(child, known, budget)
            size, depth = size + child_size, max(depth, child_depth)
            if depth > MAX_DEPTH:
                raise UsageError(f"aliases are nested deeper than {MAX_DEPTH} levels", place=self.at(node))
            if size > budget:
                raise UsageError("aliases make this text too large", place=self.at(node))
        known[id(node)] = size, depth + 1
        return size, depth + 1


def position(node: Node) -> tuple[int, int]:
    """Return the line and column of a node, both from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def kind(node: Node) -> str:
    """Return "seq", "map" or "null"; "" for any other value (also `!!set` and unknown tags)."""
    from yaml.nodes import SequenceNode

    if isinstance(node.value, str):
        return "null" if node.tag == TAG + "null" else ""
    wanted = "seq" if isinstance(node, SequenceNode) else "map"
    return wanted if node.tag == TAG + wanted else ""


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node.value, str):
        return
    for child in node.value:
        if isinstance(child, tuple):
            yield from child
        else:
            yield child


@cache
def _constructor() -> SafeConstructor:
    from yaml.constructor import SafeConstructor

    return SafeConstructor()
