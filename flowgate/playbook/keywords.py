"""Read the values of keywords of plays and tasks: one function for each kind of value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from flowgate.config.spelled_numbers import is_ambiguous
from flowgate.config.yaml_source import Marks, Source, kind, position
from flowgate.domain import LoopControl, Value
from flowgate.errors import InvalidValue, UnknownName

if TYPE_CHECKING:
    from yaml.nodes import Node

Reader = Callable[[Source, "Node", str, Marks], Any]  # source, node, dotted path, marks to fill -> value


def _reject(source: Source, node: Node, name: str, found: object, wanted: str) -> None:
    source.faults.append(InvalidValue(name, found=found, wanted=wanted, at=source.at(node)))


def read_text(source: Source, node: Node, path: str, marks: Marks) -> str:
    """Read a single value as text, exactly as it was written."""
    found = source.plain(node, path, marks)
    if isinstance(found, (list, dict)):
        _reject(source, node, path, found, "text")
        return ""
    return str(node.value) if found is not None else ""


def read_identifier(source: Source, node: Node, path: str, marks: Marks) -> str:
    """Read the name of a variable."""
    found = source.plain(node, path, marks)
    if isinstance(found, str) and found.isidentifier() and not iskeyword(found):
        return found
    _reject(source, node, path, found, IDENTIFIER)
    return ""


def read_flag(source: Source, node: Node, path: str, marks: Marks) -> bool:
    """Read true or false."""
    found = source.plain(node, path, marks)
    if not isinstance(found, bool):
        _reject(source, node, path, found, "true or false")
    return found is True


def read_conditions(source: Source, node: Node, path: str, marks: Marks) -> tuple[str | bool, ...]:
    """Read a condition, or a list of conditions."""
    found = source.plain(node, path, marks)
    written = found if isinstance(found, list) else [found]
    if all(isinstance(entry, (str, bool, int)) for entry in written):
        return tuple(entry if isinstance(entry, bool) else str(entry) for entry in written)
    _reject(source, node, path, found, "an expression or a list of expressions")
    return ()


def read_number(source: Source, node: Node, path: str, marks: Marks) -> int | float | str | None:
    """Read a count (`retries`), a factor (`backoff`) or seconds (`delay`), or an expression for one."""
    found = source.plain(node, path, marks)
    kinds = (int,) if path in ("retries", "parallel") else (int, float)
    minimum = 1 if path in ("backoff", "parallel") else 0
    if isinstance(found, kinds) and not isinstance(found, bool) and minimum <= found < 1e9 and not is_ambiguous(found):
        return found
    if isinstance(found, str) and "{{" in found:
        return found
    _reject(source, node, path, found, NUMBERS.get(path, "seconds, from 0"))
    return None


def read_loop_control(source: Source, node: Node, path: str, marks: Marks) -> LoopControl:
    """Read the options of a loop."""
    marks[path] = position(node)
    control = LoopControl()
    for pair in source.pairs(node, f"'{path}'"):
        if pair.key in LOOP_READERS:
            value = LOOP_READERS[pair.key](source, pair.node, f"{path}.{pair.key}", marks)
            control = replace(control, **{pair.key: value})
        else:
            at = source.at(pair.key_node)
            source.faults.append(UnknownName("loop_control keyword", pair.key, known=LOOP_READERS, at=at))
    return control


def read_loop(source: Source, node: Node, path: str, marks: Marks) -> Any:
    """Read a list, a mapping, or an expression for one."""
    found = source.plain(node, path, marks)
    if isinstance(found, (list, dict)) or (isinstance(found, str) and "{{" in found):
        return found
    _reject(source, node, path, found, "a list, a mapping or an expression for one")
    return None


def read_tags(source: Source, node: Node, path: str, marks: Marks) -> tuple[str, ...]:
    """Read tags: a list, or text with commas."""
    found = source.plain(node, path, marks)
    written = found.split(",") if isinstance(found, str) else found
    if isinstance(written, list) and all(isinstance(tag, (str, int)) for tag in written):
        return tuple(str(tag).strip() for tag in written)
    _reject(source, node, path, found, "a list of tags")
    return ()


def read_names(source: Source, node: Node, path: str, marks: Marks) -> tuple[str, ...]:
    """Read a name, or a list of names."""
    found = source.plain(node, path, marks)
    written = found if isinstance(found, list) else [found]
    if all(isinstance(name, str) for name in written):
        return tuple(written)
    _reject(source, node, path, found, "a name or a list of names")
    return ()


def read_variables(source: Source, node: Node, path: str, marks: Marks) -> Mapping[str, Value]:
    """Read `vars`: names with values of any kind."""
    if kind(node) == "null":
        return {}
    found = {}
    for pair in source.pairs(node, "vars"):
        if not pair.key.isidentifier() or iskeyword(pair.key):
            what = f"'{pair.key[:40]}' is not a valid variable name"
            source.add_fault(what, pair.key_node, "use letters, digits and _")
        found[pair.key] = source.plain(pair.node, f"{path}.{pair.key}", marks)
    return found


IDENTIFIER = "a variable name (letters, digits, _)"
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
