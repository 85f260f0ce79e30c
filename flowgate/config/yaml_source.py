"""One YAML text, with the line and column of everything in it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from flowgate.errors import FlowGateError, UsageError

if TYPE_CHECKING:
    from yaml import SafeLoader
    from yaml.constructor import SafeConstructor
    from yaml.nodes import Node, ScalarNode

Marks = dict[str, tuple[int, int]]  # dotted path → (line, column), both from 1

DEEPEST = 100  # levels; libyaml's composer overflows the C stack (no exception: the process dies) at some thousands
LONGEST = 1024  # bits of a whole number: Python refuses to write much longer ones as text, in any message
UNDER_WAY = (0, 0)
TAG = "tag:yaml.org,2002:"
HINTS = {
    "found character that cannot start any token": "indent with blanks, not tabs; quote a text that begins with % or @",
    "mapping values are not allowed in this context": "quote a text that holds ': ', and check the indentation",
    "found unexpected end of stream": "a quote is not closed",
    "but found another document": "one document a file: remove the '---' between",
}


class Pair(NamedTuple):
    """One entry of a mapping: its key as text, and both nodes."""

    key: str
    key_node: ScalarNode
    node: Node


class Source:
    """A YAML text being read: gives nodes, and keeps what was found wrong in `faults`.

    Attributes:
        text: The YAML; an alias may not swell it (a bomb), nor nest it deeper than 100 levels.
        file: The name that places begin with.

    Raises:
        UsageError: A text that is no YAML.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.faults: list[FlowGateError] = []
        self.written: dict[str, str] = {}  # dotted path → a number as it stands in the text ("022", "1.10")
        self.root = _compose(text, file)
        if self.root is not None and "*" in text:  # without an alias it is as large and as deep as it looks
            self._weigh(self.root, {}, budget=len(text) + 50_000)

    def at(self, node: Node) -> str:
        """Give `file:line:column` of a node."""
        line, column = position(node)
        return f"{self.file}:{line}:{column}"

    def add_fault(self, what: str, node: Node, fix: str = "") -> None:
        """Note a mistake at a node and go on."""
        self.faults.append(UsageError(what, fix=fix, place=self.at(node)))

    def items(self, node: Node, what: str) -> list[Node]:
        """Give the nodes of a list; anything else is a fault."""
        if kind(node) == "seq":
            return list(node.value)
        self.add_fault(f"{what} must be a list", node)
        return []

    def pairs(self, node: Node, what: str) -> list[Pair]:
        """Give the entries of a mapping, merge keys (`<<`) laid under them; anything else is a fault."""
        if kind(node) != "map":
            self.add_fault(f"{what} must be a mapping (key: value)", node)
            return []
        found: dict[str, Pair] = {}
        for pair in self._own(node):
            if pair.key in found:
                first = found[pair.key].key_node.start_mark.line + 1
                self.add_fault(
                    f"the key '{pair.key}' is written twice", pair.key_node, f"the first stands in line {first}"
                )
            found[pair.key] = pair
        for pair in self._merged(node, what):
            found.setdefault(pair.key, pair)
        return list(found.values())

    def plain(self, node: Node, path: str, marks: Marks, keys: Marks | None = None) -> Any:
        """Give a node as plain data, noting the place of every value, and of every key, under its dotted path."""
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
                    if not isinstance(key, str):  # `on:` is the key True: people look for either
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
                    "a key must be a text", key_node, 'an expression that begins a value is quoted: "{{ … }}"'
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
        if not isinstance(value, str):
            self.add_fault(f"the tag '{node.tag.replace(TAG, '!!')}' cannot stand before a list or a mapping", node)
            return None
        # A date stays the text it was written as: reports are JSON. `=` and `<<` as values are texts too.
        if tag in ("str", "timestamp", "value", "merge"):
            return value
        if tag == "null":
            return None
        if tag not in ("bool", "int", "float"):
            self.add_fault(f"the tag '{node.tag.replace(TAG, '!!')}' is not known here", node)
            return None
        try:
            number = getattr(_constructor(), f"construct_yaml_{tag}")(node)
        except (ValueError, LookupError, OverflowError):
            number = None
        if number is None or (isinstance(number, int) and number.bit_length() > LONGEST):
            self.add_fault(f"'{value[:40]}' cannot be read as {tag}", node)
            return None
        return number

    def _weigh(self, node: Node, known: dict[int, tuple[int, int]], budget: int) -> tuple[int, int]:
        """Count the nodes and the levels that a text has once its aliases are written out.

        Args:
            known: What was counted already; nothing counted yet for a node that is still being walked.
        """
        found = known.get(id(node))
        if found == UNDER_WAY:
            raise UsageError("an alias stands inside the very value it names", place=self.at(node))
        if found is not None:
            return found
        known[id(node)] = UNDER_WAY
        weight, height = 1, 0
        for child in _children(node):
            more, higher = self._weigh(child, known, budget)
            weight, height = weight + more, max(height, higher)
            if height > DEEPEST:
                raise UsageError(f"its aliases nest deeper than {DEEPEST} levels", place=self.at(node))
            if weight > budget:
                raise UsageError("its aliases make this text far too large", place=self.at(node))
        known[id(node)] = weight, height + 1
        return weight, height + 1


def _compose(text: str, file: str) -> Node | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML is sometimes built without libyaml
    try:
        _measure_depth(text, file, loader)
        return yaml.compose(text, Loader=loader)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        if loader is not yaml.SafeLoader:  # libyaml counts bytes
            before = text.encode()[: error.position].decode(errors="ignore")
        place = f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        raise UsageError(f"not YAML: {error.reason}", place=place) from None
    except UnicodeError:
        raise UsageError("not YAML: it holds half of a surrogate pair", place=f"{file}:1:1") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        problem = error.problem or "it cannot be read"
        raise UsageError(f"not YAML: {problem}", fix=HINTS.get(problem, ""), place=place) from None


def _measure_depth(text: str, file: str, loader: type[SafeLoader]) -> None:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                mark = event.start_mark
                place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
                raise UsageError(f"nested deeper than {DEEPEST} levels", place=place)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def position(node: Node) -> tuple[int, int]:
    """Give the line and column of a node, both from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def kind(node: Node) -> str:
    """Tell what a node holds: "seq", "map", "null", or "" for any other value (`!!set` and foreign tags too)."""
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
