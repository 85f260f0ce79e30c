"""Whether this Python is one that a distribution supports; uv ignores the upper bound that a distribution declares.

Source: PEP 440, version specifiers; uv 0.13.9
"""

from __future__ import annotations

import re
import sys
from itertools import zip_longest

CLAUSE = re.compile(r"\s*(===|==|!=|~=|>=|<=|>|<)\s*(\d+(?:\.\d+)*)(\.\*)?\s*", re.ASCII)


def supports(bounds: str, version: tuple[int, ...] = sys.version_info[:3]) -> bool:
    """Return whether a version of Python fulfils bounds; a clause that cannot be read counts as fulfilled.

    Args:
        bounds: The bounds (">=3.10,<3.14").
        version: The version of Python.
    """
    return all(_fulfils(match, version) for one in bounds.split(",") if (match := CLAUSE.fullmatch(one)))


def _fulfils(clause: re.Match[str], version: tuple[int, ...]) -> bool:
    sign, wanted, is_prefix = clause[1], tuple(int(part) for part in clause[2].split(".")), bool(clause[3])
    if is_prefix:
        return (version[: len(wanted)] == wanted) == (sign != "!=")
    order = _compare(version, wanted)
    if sign == "~=":
        return order >= 0 and version[: len(wanted) - 1] == wanted[:-1]
    if sign == "!=":
        return order != 0
    return order == 0 if "==" in sign else ("=" in sign and order == 0) or order == (1 if ">" in sign else -1)


def _compare(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Return -1, 0 or 1; a missing part counts as 0."""
    for one, other in zip_longest(left, right, fillvalue=0):
        if one != other:
            return 1 if one > other else -1
    return 0
