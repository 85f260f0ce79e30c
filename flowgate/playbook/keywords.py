"""The words of a play and of a task that hold values: each is read by one function, wrong values are faults."""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from flowgate.config.yaml_source import Marks, Source, kind, position
from flowgate.domain import LoopControl
from flowgate.errors import InvalidValue, UnknownName

if TYPE_CHECKING:
    from yaml.nodes import Node

Reader = Callable[[Source, "Node", str, Marks], Any]  # source, node, the word, marks to fill → the value


def _bad(source: Source, node: Node, name: str, found: object, wanted: str) -> None:
    source.faults.append(InvalidValue(name, found=found, wanted=wanted, at=source.at(node)))


def read_text(source: Source, node: Node, path: str, marks: Marks) -> str:
    """Read a single value as the text it was written as."""
    found = source.plain(node, path, marks)
    if isinstance(found, (list, dict)):
        _bad(source, node, path, found, "a text")
        return ""
    return str(node.value) if found is not None else ""


def read_identifier(source: Source, node: Node, path: str, marks: Marks) -> str:
    """Read a variable's name."""
    found = source.plain(node, path, marks)
    if isinstance(found, str) and found.isidentifier() and not iskeyword(found):
        return found
    _bad(source, node, path, found, "a variable's name (letters, digits, _)")
    return ""


def read_flag(source: Source, node: Node, path: str, marks: Marks) -> bool:
    """Read true or false."""
    found = source.plain(node, path, marks)
    if not isinstance(found, bool):
        _bad(source, node, path, found, "true or false")
    return found is True


def read_conditions(source: Source, node: Node, path: str, marks: Marks) -> tuple[str | bool, ...]:
    """Read one condition or a list of them."""
    found = source.plain(node, path, marks)
    written = found if isinstance(found, list) else [found]
    if all(isinstance(entry, (str, bool, int)) for entry in written):
        return tuple(entry if isinstance(entry, bool) else str(entry) for entry in written)
    _bad(source, node, path, found, "an expression or a list of them")
    return ()


def read_number(source: Source, node: Node, path: str, marks: Marks) -> int | float | str | None:
    """Read a count (`retries`), a factor (`backoff`) or seconds (`delay`), or an expression that gives one."""
    found = source.plain(node, path, marks)
    kinds = (int,) if path in ("retries", "parallel") else (int, float)
    least = 1 if path in ("backoff", "parallel") else 0
    if isinstance(found, kinds) and not isinstance(found, bool) and least <= found < 1e9:
        return found
    if isinstance(found, str) and "{{" in found:
        return found
    _bad(source, node, path, found, NUMBERS.get(path, "seconds, from 0"))
    return None


def read_loop_control(source: Source, node: Node, path: str, marks: Marks) -> LoopControl:
    """Read how a loop names and shows its items."""
    marks[path] = position(node)
    fields: dict[str, Any] = {}
    for pair in source.pairs(node, f"'{path}'"):
        if pair.key in LOOP_READERS:
            fields[pair.key] = LOOP_READERS[pair.key](source, pair.node, f"{path}.{pair.key}", marks)
        else:
            source.faults.append(
                UnknownName("loop_control word", pair.key, known=LOOP_READERS, at=source.at(pair.key_node))
            )
    return LoopControl(**fields)


def read_loop(source: Source, node: Node, path: str, marks: Marks) -> Any:
    """Read a list, a mapping, or an expression that gives one."""
    found = source.plain(node, path, marks)
    if isinstance(found, (list, dict)) or (isinstance(found, str) and "{{" in found):
        return found
    _bad(source, node, path, found, "a list, a mapping or an expression that gives one")
    return None


def read_tags(source: Source, node: Node, path: str, marks: Marks) -> tuple[str, ...]:
    """Read tags: a list, or a text with commas."""
    found = source.plain(node, path, marks)
    written = found.split(",") if isinstance(found, str) else found
    if isinstance(written, list) and all(isinstance(tag, (str, int)) for tag in written):
        return tuple(str(tag).strip() for tag in written)
    _bad(source, node, path, found, "a list of texts")
    return ()


def read_names(source: Source, node: Node, path: str, marks: Marks) -> tuple[str, ...]:
    """Read one name or a list of them."""
    found = source.plain(node, path, marks)
    written = found if isinstance(found, list) else [found]
    if all(isinstance(name, str) for name in written):
        return tuple(written)
    _bad(source, node, path, found, "a name or a list of them")
    return ()


def read_variables(source: Source, node: Node, path: str, marks: Marks) -> dict[str, Any]:
    """Read `vars`: names and whatever they hold."""
    if kind(node) == "null":
        return {}
    found: dict[str, Any] = {}
    for pair in source.pairs(node, "vars"):
        if not pair.key.isidentifier() or iskeyword(pair.key):
            fix = "use letters, digits and _"
            source.add_fault(f"'{pair.key[:40]}' cannot be a variable's name", pair.key_node, fix)
        found[pair.key] = source.plain(pair.node, f"{path}.{pair.key}", marks)
    return found


NUMBERS = {"retries": "a whole number from 0", "backoff": "a number from 1", "parallel": "a whole number from 1"}
LOOP_READERS: dict[str, Reader] = {
    "loop_var": read_identifier,
    "index_var": read_identifier,
    "label": read_text,
    "pause": read_number,
}
COMMON_READERS: dict[str, Reader] = {
    "name": read_text,
    "when": read_conditions,
    "tags": read_tags,
    "vars": read_variables,
    "ignore_errors": read_flag,
    "notify": read_names,
    "until": read_conditions,
    "retries": read_number,
    "delay": read_number,
    "backoff": read_number,
    "max_delay": read_number,
    "parallel": read_number,
}
TASK_READERS: dict[str, Reader] = COMMON_READERS | {
    "register": read_identifier,
    "loop": read_loop,
    "loop_control": read_loop_control,
    "changed_when": read_conditions,
    "failed_when": read_conditions,
    "timeout": read_number,
}
