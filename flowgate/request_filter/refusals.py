"""How many requests the filter has refused: by kind, and by client."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from flowgate.request_filter.dialects import Kind


class RefusalRow(TypedDict):
    """Refusals of one kind to one client.

    Attributes:
        client: Name of the client; empty for the gateway's own key, and for requests without a valid key.
        kind: What was wrong: a `Kind`.
        count: How many.
    """

    client: str
    kind: str
    count: int


class Refusals:
    """The refusals of one worker. A client's name comes from the file of keys, never from a request."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, client: str, kind: Kind) -> None:
        """Count one refusal.

        Args:
            client: Name of the client; empty if it is not known.
            kind: What was wrong.
        """
        self._counts[client, kind] += 1

    def rows(self) -> list[RefusalRow]:
        """Return the counts, ordered by client and kind."""
        return [{"client": name, "kind": kind, "count": count} for (name, kind), count in sorted(self._counts.items())]
