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

from flowgate.config.spelled_numbers import is_ambiguous
from flowgate.playbook.sandbox import BOOLEANS


@dataclass(frozen=True, slots=True)
class EvaluatedCondition:
    """A condition that the executor evaluated for a step (a parameter of type `tuple[EvaluatedCondition, ...]`).

    Attributes:
        expression: The expression as written.
        holds: Its truth value.
        values: The variables in a condition that does not hold, with their values, for people.
    """

    expression: str
    holds: bool
    values: str = ""


@dataclass(frozen=True, slots=True)
class EvaluatedExpression:
    """An expression that the executor evaluated for a step.

    Attributes:
        expression: The expression as written, without braces.
        value: Its value.
    """

    expression: str
    value: Any


LONGEST_PATH, LONGEST_NAME = 4095, 255  # bytes, on Linux and macOS
CONDITIONS = tuple[EvaluatedCondition, ...]
# Parameters of these types are written as expressions without braces. They are evaluated before they are converted.
EVALUATED = (CONDITIONS, EvaluatedExpression, EvaluatedExpression | None)


class WrongEntry(ValueError):
    """An entry of a list or mapping cannot be converted.

    Attributes:
        path: Dotted path of the entry ("2", "env.NAME").
        found: The entry.
    """

    path: str
    found: object

    def __init__(self, key: object, found: object, error: ValueError) -> None:
        super().__init__(str(error))
        self.path, self.found = str(key), found
        if isinstance(error, WrongEntry):
            self.path, self.found = f"{key}.{error.path}", error.found


def _never(value: object) -> bool:
    return False


def coerce(kind: Any, value: Any, is_open: Callable[[object], bool] = _never) -> Any:
    """Convert a value to a declared type.

    Args:
        kind: The type, as `typing.get_type_hints` returns it.
        value: The value from YAML, rendered.
        is_open: Returns whether a value, or an entry in it, is not known yet; it is returned as it is.

    Returns:
        A value of the type.

    Raises:
        ValueError: The value cannot be converted; the message names what is expected ("a whole number"). `WrongEntry`
            for an entry of a list or mapping.
    """
    if is_open(value):
        return value
    converter = _CONVERTERS.get(kind)
    if converter is not None:
        return converter(value)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(value, (list, tuple)):
        return [_entry(inner[0], index, entry, is_open) for index, entry in enumerate(value)]
    if origin is dict and isinstance(value, Mapping):
        return {
            _entry(inner[0], key, key, is_open): _entry(inner[1], key, entry, is_open) for key, entry in value.items()
        }
    if origin is Literal:
        return _to_choice(inner, value)
    if origin in (Union, types.UnionType):
        return None if value is None else coerce(_without_none(inner), value, is_open)
    evaluated = EvaluatedExpression if kind is EvaluatedExpression else tuple
    if kind in EVALUATED and isinstance(value, evaluated):
        return value
    raise ValueError({list: "a list", dict: "a mapping"}.get(origin, "another value"))


def _entry(kind: Any, key: object, value: Any, is_open: Callable[[object], bool]) -> Any:
    try:
        return coerce(kind, value, is_open)
    except ValueError as error:
        raise WrongEntry(key, value, error) from None


def _to_choice(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        same = value == choice and type(value) is type(choice)
        if same or (isinstance(value, (str, int)) and str(value) == choice):
            return choice
    raise ValueError(" or ".join(repr(choice) for choice in choices))


def _to_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)  # as it is written in the file
    # YAML reads `no` and `~` as false and null. The original text is lost, so it cannot be restored.
    raise ValueError("text (put it in quotes)" if isinstance(value, bool) or value is None else "text")


def require_clear(number: object) -> None:
    """Refuse a number that YAML reads differently from people.

    Args:
        number: The number, with its spelling.

    Raises:
        ValueError: It is octal or in base 60; the message names what is expected.
    """
    if is_ambiguous(number) and isinstance(number, (int, float)):
        value = int(number) if isinstance(number, int) else float(number)
        raise ValueError(f"a number in base 10 (YAML reads this one as {value})")


def _to_int(value: Any) -> int:
    require_clear(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError("a whole number")


def _to_float(value: Any) -> float:
    require_clear(value)
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
        if len(value.encode(errors="replace")) > LONGEST_PATH or any(
            len(part.encode(errors="replace")) > LONGEST_NAME for part in value.split("/")
        ):
            raise ValueError("a path (this one is too long)")
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
