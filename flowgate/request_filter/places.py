"""How many requests are served at once, counted by one worker alone."""

from __future__ import annotations


class Places:
    """The requests in progress of one worker.

    Attributes:
        own: How many this worker has in progress.
    """

    def __init__(self) -> None:
        self.own = 0

    def take(self, most: int) -> bool:
        """Count a request that begins; return False, and count nothing, if there are so many already.

        Args:
            most: How many may be in progress.
        """
        if self.own >= most:
            return False
        self.own += 1
        return True

    def leave(self) -> None:
        """Count a request that has ended."""
        self.own -= 1
