"""Numbers that keep the spelling of the file: `0755` is the number 493, and the text "0755" where text is wanted.

YAML 1.1 reads `017`, `0x1F`, `1_000`, `12:30:45`, `1.10` and `.inf` as numbers, whose usual spelling is another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

AMBIGUOUS = re.compile(r"[+-]?(0[0-9_]+|[0-9_]+(:[0-9_]+)+(\.[0-9_]*)?)")  # octal, or in base 60


class SpelledInt(int):
    """A whole number with its spelling, which `str` returns."""

    written: str

    def __str__(self) -> str:
        return self.written

    def __repr__(self) -> str:
        return self.written


class SpelledFloat(float):
    """A number with its spelling, which `str` returns."""

    written: str

    def __str__(self) -> str:
        return self.written

    def __repr__(self) -> str:
        return self.written


def spelled(number: float, written: str) -> int | float:
    """Return a number that keeps its spelling.

    Args:
        number: The number; a truth value is returned as it is.
        written: The text in the file.
    """
    if isinstance(number, bool) or str(number) == written:
        return number
    found: SpelledInt | SpelledFloat = SpelledInt(number) if isinstance(number, int) else SpelledFloat(number)
    found.written = written
    return found


def spell_tree(tree: Any, written: Mapping[str, str], path: str) -> Any:
    """Return plain data whose numbers keep their spelling.

    Args:
        tree: The data.
        written: Dotted path → spelling of the number there.
        path: Dotted path of the data.
    """
    if isinstance(tree, dict):
        return {key: spell_tree(entry, written, f"{path}.{key}") for key, entry in tree.items()}
    if isinstance(tree, list):
        return [spell_tree(entry, written, f"{path}.{index}") for index, entry in enumerate(tree)]
    return spelled(tree, written[path]) if isinstance(tree, (int, float)) and path in written else tree


def is_ambiguous(number: object) -> bool:
    """Return whether people read a number differently: `017` is 15 in YAML 1.1 and 17 in YAML 1.2, `1:30` is 90."""
    return isinstance(number, (SpelledInt, SpelledFloat)) and AMBIGUOUS.fullmatch(number.written) is not None
