"""Precedence of values that several sources can set."""

from __future__ import annotations

from typing import TypeVar

from flowgate.domain import Sourced

T = TypeVar("T")

# Highest precedence first.
ORDER = ("typed", "environment", "playbook", "file", "state", "default")


def pick(*candidates: Sourced[T] | None) -> Sourced[T]:
    """Return the candidate with the highest precedence.

    Args:
        candidates: In any order; None for a source that set nothing. One of them is the default.
    """
    return min((one for one in candidates if one is not None), key=lambda one: ORDER.index(one.by))
