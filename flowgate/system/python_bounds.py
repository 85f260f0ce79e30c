"""Whether this Python is one that a distribution supports; uv ignores the upper bound that a distribution declares.

Source: uv 0.13.9
"""

from __future__ import annotations

import sys

from packaging.specifiers import InvalidSpecifier, Specifier


def supports(bounds: str, version: tuple[int, ...] = sys.version_info[:3]) -> bool:
    """Return whether a version of Python fulfils bounds; a clause that cannot be read counts as fulfilled.

    Args:
        bounds: The bounds (">=3.10,<3.14").
        version: The version of Python.
    """
    own = ".".join(map(str, version))
    return all(_fulfils(clause.strip(), own) for clause in bounds.split(","))


def _fulfils(clause: str, version: str) -> bool:
    try:
        return Specifier(clause).contains(version)
    except InvalidSpecifier:
        return True
