"""What has arrived in the last moments: requests per second, failures and latency."""

from __future__ import annotations

import math
import sqlite3
from typing import NamedTuple

from flowgate.ledger.entries import id_at

SELECT = "SELECT at, seconds, error != '' FROM requests WHERE id >= ? ORDER BY id DESC LIMIT ?"
WINDOW_SECONDS = 60.0
SLICES = 12
MOST_ROWS = 20_000  # a busier gateway is shown over a shorter time, so that asking costs no more


class Rate(NamedTuple):
    """The requests of the last moments.

    Attributes:
        seconds: How long the moments are.
        requests: How many requests arrived.
        failures: How many of them failed.
        middle: Median of the seconds until the end of those that were answered; None if none was.
        late: The 95th percentile of them.
        slices: Requests in each part of the time, the oldest first.
    """

    seconds: float
    requests: int
    failures: int
    middle: float | None
    late: float | None
    slices: tuple[int, ...]

    @property
    def per_second(self) -> float:
        """Return the requests per second."""
        return self.requests / self.seconds


def recent(connection: sqlite3.Connection, now: float, most: int = MOST_ROWS) -> Rate:
    """Sum up the requests of the last moments.

    Args:
        connection: The ledger.
        now: Seconds since 1970.
        most: How many rows to read at most.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    rows = connection.execute(SELECT, (id_at(now - WINDOW_SECONDS), most)).fetchall()
    window = WINDOW_SECONDS if len(rows) < most else max(1.0, now - rows[-1][0])
    slices = [0] * SLICES
    for at, _, _ in rows:
        slices[min(SLICES - 1, max(0, int((at - now + window) / window * SLICES)))] += 1
    durations = sorted(seconds for _, seconds, failed in rows if seconds is not None and not failed)
    failures = sum(failed for _, _, failed in rows)
    return Rate(window, len(rows), failures, _rank(durations, 0.5), _rank(durations, 0.95), tuple(slices))


def _rank(ordered: list[float], share: float) -> float | None:
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else None
