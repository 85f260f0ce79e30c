"""Convert values from YAML to the types that steps declare."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union

from flowgate.playbook.sandbox import BOOLEANS


@dataclass(frozen=True, slots=True)
class EvaluatedCondition:
    """A condition that the executor evaluated for a step (a parameter of type `tuple[EvaluatedCondition, ...]`).

    Attributes:
        expression: The expression as written.
        holds: Its truth value.
    """

    expression: str
    holds: bool


@dataclass(frozen=True, slots=True)
class EvaluatedExpression:
    """An expression that the executor evaluated for a step.

    Attributes:
        expression: The expression as written, without braces.
        value: Its value.
    """

    expression: str
    value: Any


CONDITIONS = tuple[EvaluatedCondition, ...]
# Parameters of these types are written as expressions without braces. They are evaluated before they are converted.
EVALUATED = (CONDITIONS, EvaluatedExpression, EvaluatedExpression | None)


def coerce(kind: Any, value: Any) -> Any:
    """Convert a value to a declared type.

    Args:
        kind: The type, as `typing.get_type_hints` returns it.
        value: The value from YAML, rendered.

    Returns:
        A value of the type.

    Raises:
        ValueError: The value cannot be converted; the message names what is expected ("a whole number").
    """
    converter = _CONVERTERS.get(kind)
    if converter is not None:
        return converter(value)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(value, (list, tuple)):
        return [coerce(inner[0], entry) for entry in value]
    if origin is dict and isinstance(value, Mapping):
        return {coerce(inner[0], key): coerce(inner[1], entry) for key, entry in value.items()}
    if origin is Literal:
        return _to_choice(inner, value)
    if origin in (Union, types.UnionType):
        return None if value is None else coerce(_without_none(inner), value)
    evaluated = EvaluatedExpression if kind is EvaluatedExpression else tuple
    if kind in EVALUATED and isinstance(value, evaluated):
        return value
    raise ValueError({list: "a list", dict: "a mapping"}.get(origin, "another value"))


def _to_choice(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        same = value == choice and type(value) is type(choice)
        if same or (isinstance(value, (str, int)) and str(value) == choice):
            return choice
    raise ValueError(" or ".join(repr(choice) for choice in choices))


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # YAML reads 1.10 as the number 1.1, and `no` as false. The original text is lost, so it cannot be restored.
    raise ValueError("text (put it in quotes)" if isinstance(value, (bool, float)) else "text")


def _to_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError("a whole number")


def _to_float(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?", value.strip()):
        return float(value)
    raise ValueError("a number")


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in BOOLEANS:
        return BOOLEANS[value.strip().lower()]
    raise ValueError("true or false")


def _to_path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError("a path")


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    str: _to_text,
    int: _to_int,
    float: _to_float,
    bool: _to_bool,
    Path: _to_path,
    object: lambda value: value,
    Any: lambda value: value,
}
_NAMES = {str: "text", int: "int", float: "float", bool: "bool", Path: "path", object: "any", Any: "any"}


def type_text(kind: Any) -> str:
    """Write a type for people.

    Args:
        kind: The type, as `typing.get_type_hints` returns it.

    Returns:
        For example "int", "list[text]" or "'a' | 'b'"; empty for a type that YAML cannot express.
    """
    if kind in _NAMES:
        return _NAMES[kind]
    if kind == CONDITIONS:
        return "conditions"
    if kind is EvaluatedExpression:
        return "expression"
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " | ".join(repr(choice) for choice in inner)
    if origin in (Union, types.UnionType) and type(None) in inner and len(inner) == 2:
        text = type_text(_without_none(inner))
        return f"{text} | null" if text else ""
    parts = [type_text(entry) for entry in inner]
    if origin is list and all(parts):
        return f"list[{parts[0]}]"
    if origin is dict and all(parts):
        return f"dict[{parts[0]}, {parts[1]}]"
    return ""


def _without_none(inner: tuple[Any, ...]) -> Any:
    return next(entry for entry in inner if entry is not type(None))
