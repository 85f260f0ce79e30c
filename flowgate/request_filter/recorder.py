"""What records the requests of a worker, as the request filter sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest


class Recorder(Protocol):
    """Records requests that ask a model; it never waits and never fails."""

    def begin(self, row: RecentRequest) -> None:
        """Note that a request has arrived; its row is completed while it is served."""

    def end(self, row: RecentRequest) -> None:
        """Record a request that has ended; one that did not begin is ignored."""

    def refuse(self, row: RecentRequest) -> None:
        """Count a request without a valid key."""
