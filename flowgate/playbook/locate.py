"""Locate values in YAML files: functions from a dotted path to `file:line:column`."""

from __future__ import annotations

from collections.abc import Callable

Locate = Callable[[str], str]  # dotted path within a value -> `file:line:column`


def no_location(path: str) -> str:
    """Return no location, for values that are in no file."""
    return ""


def fixed_location(place: str) -> Locate:
    """Return one location for every path."""
    return lambda path: place


def below(at: Locate, start: str) -> Locate:
    """Locate the paths below a dotted path.

    Args:
        at: Locates the dotted path.
        start: The dotted path.

    Returns:
        A function that locates paths relative to `start`.
    """
    return lambda path: at(f"{start}.{path}" if path else start)
