"""Who set this value: of several, the one nearest to the person who asks wins."""

from __future__ import annotations

from typing import TypeVar

from flowgate.domain import Sourced

T = TypeVar("T")

# Nearest first. What was typed just now beats what was exported, and so on down to what nobody chose.
ORDER = ("typed", "environment", "playbook", "file", "state", "default")


def pick(*candidates: Sourced[T] | None) -> Sourced[T]:
    """Settle a value that several may have set.

    Args:
        candidates: In any order; None for whoever did not set it. The default is one of them.

    Returns:
        The nearest one, with who set it and where.
    """
    return min((one for one in candidates if one is not None), key=lambda one: ORDER.index(one.by))
