"""Limits of the values that an expression may make: a larger one is an error of the playbook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_TEXT = 10_000_000  # characters of a text
MAX_ENTRIES = 300_000  # of a list or mapping, those of nested ones included
MAX_BITS = 10_000  # of a whole number; Python writes at most 4,300 digits, which are 14,000 bits
FORMAT = re.compile(r"%(?:\([^)]*\))?[#0 +-]*(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*))?")
PADDED = ("ljust", "rjust", "center", "zfill")


class TooLarge(ValueError):
    """A value is larger than the limits."""


def require_length(length: int, what: str = "a text") -> None:
    """Refuse a text that is too long.

    Args:
        length: Its number of characters.
        what: What it is, with its article.

    Raises:
        TooLarge: It is longer than `MAX_TEXT`.
    """
    if length > MAX_TEXT:
        raise TooLarge(f"{what} of more than {MAX_TEXT:,} characters is too large")


def require_entries(count: int) -> None:
    """Refuse a list or mapping with too many entries; see `require_length`."""
    if count > MAX_ENTRIES:
        raise TooLarge(f"a list or mapping of more than {MAX_ENTRIES:,} entries is too large")


def require_number(number: int) -> None:
    """Refuse a whole number with too many digits; see `require_length`."""
    if number.bit_length() > MAX_BITS:
        raise TooLarge(f"a whole number of more than {int(MAX_BITS * 0.30103):,} digits is too large")


def require_value(value: object) -> None:
    """Refuse a value that is too large as a whole, before it becomes a text.

    Args:
        value: Any value; one that is contained twice counts twice.

    Raises:
        TooLarge: It contains too many entries or characters, or a number with too many digits.
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, str):
        require_length(len(value))
    elif isinstance(value, int):
        require_number(value)
    elif isinstance(value, (Mapping, list, tuple)):
        _measure(value, [0, 0])


def require_data(value: object) -> None:
    """Refuse a function or class, which is not a value.

    Args:
        value: Any value.

    Raises:
        TypeError: It can be called.
    """
    if callable(value):
        name = getattr(value, "__name__", getattr(value, "name", type(value).__name__))
        raise TypeError(f"'{name}' is a function, not a value; call it: {name}(…)")


def _measure(value: object, sizes: list[int]) -> None:
    sizes[0] += 1
    require_entries(sizes[0])
    if isinstance(value, str):
        sizes[1] += len(value)
        require_length(sizes[1])
    elif isinstance(value, int):
        require_number(value)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            _measure(key, sizes)
            _measure(entry, sizes)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            _measure(entry, sizes)


def require_operation(operator: str, left: Any, right: Any) -> None:
    """Refuse an operation whose result would be too large, before it is computed.

    Args:
        operator: "+", "*", "**" or "%".
        left: Left operand.
        right: Right operand.

    Raises:
        TooLarge: The result would be too large.
    """
    if operator == "%" and isinstance(left, str):
        require_format(left, right)
    elif isinstance(left, int) and isinstance(right, int):
        _require_product(operator, left, right)
    elif operator == "*":
        for sequence, times in ((left, right), (right, left)):
            if isinstance(sequence, (str, bytes, list, tuple)) and isinstance(times, int):
                _require_size(sequence, len(sequence) * times)
    elif operator == "+" and isinstance(left, (str, bytes, list, tuple)) and isinstance(right, type(left)):
        _require_size(left, len(left) + len(right))


def _require_size(kind: object, size: int) -> None:
    if isinstance(kind, (str, bytes)):
        require_length(size)
    else:
        require_entries(size)


def _require_product(operator: str, left: int, right: int) -> None:
    if operator == "*":
        bits = left.bit_length() + right.bit_length() - 1
    else:
        bits = (abs(left).bit_length() - 1) * right if operator == "**" else 0
    if bits > MAX_BITS:
        require_number(1 << (MAX_BITS + 1))


def require_format(text: str, arguments: object) -> None:
    """Refuse a `%` format that pads its arguments to a text that is too large.

    Args:
        text: The format ("%5d").
        arguments: What is filled in; a `*` takes its width from them.

    Raises:
        TooLarge: A width or precision is too large.
    """
    given = arguments if isinstance(arguments, (tuple, list)) else (arguments,)
    for found in FORMAT.finditer(text):
        for width in (found["width"], found["precision"]):
            if width == "*":
                require_length(max((one for one in given if isinstance(one, int)), default=0))
            elif width:
                require_length(int(width[:12]))


def require_spec(spec: str) -> None:
    """Refuse a format specification (`{:>20}`) that pads a value to a text that is too large."""
    for width in re.findall(r"\d+", spec):
        require_length(int(width[:12]))


def require_method(text: str, name: str, arguments: Sequence[Any]) -> None:
    """Refuse the call of a text's method whose result would be too large.

    Args:
        text: The text.
        name: Name of the method.
        arguments: Arguments of the call.

    Raises:
        TooLarge: The result would be too large.
    """
    if name in PADDED and arguments and isinstance(arguments[0], int):
        require_length(arguments[0])
    elif name == "expandtabs" and arguments and isinstance(arguments[0], int):
        require_length(text.count("\t") * arguments[0])
    elif name == "replace" and len(arguments) > 1:
        require_replacement(text, arguments[0], arguments[1])
    elif name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
        require_length(sum(len(text) + len(str(entry)) for entry in arguments[0]))


def require_replacement(text: object, old: object, new: object) -> None:
    """Refuse a replacement whose result would be too large; see `require_method`."""
    if isinstance(text, str) and isinstance(old, str) and isinstance(new, str):
        require_length(len(text) + text.count(old) * len(new))


def require_arguments(arguments: Iterable[object]) -> None:
    """Refuse a number among the arguments of a filter that pads or repeats (`center`, `indent`, `batch`)."""
    for number in arguments:
        if isinstance(number, int) and number > MAX_ENTRIES:
            raise TooLarge(f"{number if number < 10**20 else 'this number'} is too large for this filter")
