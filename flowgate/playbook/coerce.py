"""Values fitted to the types that steps declare."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union

from flowgate.playbook.sandbox import WORDS


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that the engine evaluated for a step (a parameter of type `tuple[Condition, ...]`)."""

    expression: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An expression without braces that the engine evaluated for a step, with its value."""

    expression: str
    value: Any


CONDITIONS = tuple[Condition, ...]
EVALUATED = (CONDITIONS, Shown, Shown | None)  # written as expressions without braces; evaluated before they are fitted


def fit(kind: Any, value: Any) -> Any:
    """Fit one value to a type.

    Raises:
        ValueError: That says what is wanted, in words.
    """
    fitter = _FITTERS.get(kind)
    if fitter is not None:
        return fitter(value)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(value, (list, tuple)):
        return [fit(inner[0], entry) for entry in value]
    if origin is dict and isinstance(value, Mapping):
        return {fit(inner[0], key): fit(inner[1], entry) for key, entry in value.items()}
    if origin is Literal:
        return _fit_choice(inner, value)
    if origin in (Union, types.UnionType):
        return None if value is None else fit(_without_none(inner), value)
    if kind is Shown and isinstance(value, Shown):
        return value
    if kind == CONDITIONS and isinstance(value, tuple):
        return value
    raise ValueError({list: "a list", dict: "a mapping"}.get(origin, "something else"))


def _fit_choice(choices: tuple[Any, ...], value: Any) -> Any:
    for choice in choices:
        if (value == choice and type(value) is type(choice)) or (
            isinstance(value, (str, int)) and str(value) == choice
        ):
            return choice
    raise ValueError(" or ".join(repr(choice) for choice in choices))


def _fit_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    # 1.10 read as a number has lost its nought, and `no` its letters: neither is guessed back.
    raise ValueError("a text (put it in quotes)" if isinstance(value, (bool, float)) else "a text")


def _fit_int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
        return int(value)
    raise ValueError("a whole number")


def _fit_float(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?", value.strip()):
        return float(value)
    raise ValueError("a number")


def _fit_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in WORDS:
        return WORDS[value.strip().lower()]
    raise ValueError("true or false")


def _fit_path(value: Any) -> Path:
    if isinstance(value, Path):
        return value
    if isinstance(value, str) and value and "\0" not in value:
        return Path(value)
    raise ValueError("a path")


_FITTERS: dict[Any, Callable[[Any], Any]] = {
    str: _fit_text,
    int: _fit_int,
    float: _fit_float,
    bool: _fit_bool,
    Path: _fit_path,
    object: lambda value: value,
    Any: lambda value: value,
}
_NAMES = {str: "text", int: "int", float: "float", bool: "bool", Path: "path", object: "any", Any: "any"}


def type_text(kind: Any) -> str:
    """Say a type for people; empty when YAML cannot give it."""
    if kind in _NAMES:
        return _NAMES[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind == CONDITIONS:
        return "conditions"
    if kind is Shown:
        return "expression"
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
