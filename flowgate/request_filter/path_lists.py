"""Lists of paths that the rules name."""

from __future__ import annotations


class Paths:
    """A list of paths; `*` at the end of one stands for any text.

    Args:
        patterns: The paths.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._exact = frozenset(patterns)
        self._beginnings = tuple(one[:-1] for one in patterns if one[-1:] == "*")

    def __contains__(self, path: str) -> bool:
        """Return whether a path is listed."""
        return path in self._exact or path.startswith(self._beginnings)
