"""Totals that only grow, for programs that ask again and again: of all requests since the beginning of the year.

They come from the hourly sums, which are kept for three years. On the first of January (UTC) they begin at zero again,
before an old hour is deleted: a total never shrinks a little, which a reader of counters takes for a new beginning.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from flowgate.ledger import database, histogram
from flowgate.ledger.histogram import Histogram
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.ledger.usage import ROWS_AT_ONCE, SUBSCRIPTION, UNKNOWN

SETTLED_HOURS = 2  # hours before these are read again every five minutes only: no request takes that long
REFRESH_SECONDS = 300.0
OLD_HOURS = 24  # and the days before these never: of a killed process, something may be added until then
MOST_COMBINATIONS = 1_000  # of model, client, profile and status
MOST_HISTOGRAMS = 100  # of model and profile
OTHER = "other"
SUMS = (
    *("requests", "failures", "retries", "fallbacks", "prompt_tokens", "completion_tokens", "cached_tokens"),
    "reasoning_tokens",
)
SELECT = (
    f"SELECT model, client, profile, status, {', '.join(f'sum({name})' for name in SUMS)}, "  # noqa: S608
    f"sum(CASE WHEN price = '{SUBSCRIPTION}' THEN 0 ELSE cost END), "
    f"sum(CASE WHEN price = '{SUBSCRIPTION}' THEN cost ELSE 0 END), "
    f"sum(CASE WHEN price = '{UNKNOWN}' THEN requests ELSE 0 END) "
    "FROM hours WHERE hour >= ? AND hour < ? GROUP BY 1, 2, 3, 4 ORDER BY min(hour), 1, 2, 3, 4"
)
PACKED = (  # in the order of the primary key, which begins with the hour
    "SELECT model, profile, latency, first_pieces FROM hours WHERE hour >= ? AND hour < ? AND latency != x''"
)


class Who(NamedTuple):
    """What the requests of a total have in common; a status of 0 is none."""

    model: str
    client: str
    profile: str
    status: int


class Source(NamedTuple):
    """What the durations of a histogram have in common."""

    model: str
    profile: str


@dataclass(slots=True)
class Total:
    """Sums of requests; costs are US dollars."""

    requests: int = 0
    failures: int = 0
    retries: int = 0
    fallbacks: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    billed: float = 0.0
    worth: float = 0.0
    unpriced: int = 0

    def add(self, more: Total) -> None:
        """Add other sums."""
        for name in Total.__slots__:
            setattr(self, name, getattr(self, name) + getattr(more, name))


@dataclass(slots=True)
class Totals:
    """The totals.

    Attributes:
        of: Sums by model, client, profile and status.
        latency: Seconds until the end of an answer.
        first_pieces: Seconds until its first byte.
        dropped: Requests that could not be recorded, of the processes that the ledger still lists.
    """

    of: defaultdict[Who, Total] = field(default_factory=lambda: defaultdict(Total))
    latency: defaultdict[Source, Histogram] = field(default_factory=lambda: defaultdict(dict))
    first_pieces: defaultdict[Source, Histogram] = field(default_factory=lambda: defaultdict(dict))
    dropped: int = 0

    def add(self, more: Totals) -> None:
        """Add other totals."""
        for who, one in more.of.items():
            self.of[who].add(one)
        for own, others in ((self.latency, more.latency), (self.first_pieces, more.first_pieces)):
            for source, counts in others.items():
                histogram.add(own[source], counts)


class _Kept(NamedTuple):
    first: int
    last: int
    at: float
    totals: Totals


class TotalsReader:
    """Reads the totals again and again; what is long past is kept for some minutes.

    The number of combinations is bounded: those that came first in the year have a total of their own, the others are
    added up as `other`.

    Args:
        most: How many combinations of model, client, profile and status have a total of their own.
        most_histograms: How many combinations of model and profile have histograms of their own.
    """

    def __init__(self, most: int = MOST_COMBINATIONS, most_histograms: int = MOST_HISTOGRAMS) -> None:
        self._most, self._most_histograms = most, most_histograms
        self._source: tuple[Path, int, int, int | None] | None = None
        self._old: _Kept | None = None
        self._settled: _Kept | None = None
        self._known: set[Who] = set()
        self._sources: set[Source] = set()

    def collect(self, path: Path, now: float) -> Totals:
        """Return the totals; empty if there is no ledger yet.

        Args:
            path: The ledger.
            now: Seconds since 1970.

        Raises:
            EnvironmentFailure: The ledger cannot be read.
        """
        connection = database.open_to_read(path)
        if connection is None:
            return Totals()
        with database.translate_errors(path):
            try:
                first = self._begin(connection, path, now)
                return self._collect(connection, first, now)
            finally:
                connection.close()

    def _begin(self, connection: sqlite3.Connection, path: Path, now: float) -> int:
        """Return the first hour of the year; forget what was read in another year, or of another ledger."""
        year = datetime(datetime.fromtimestamp(now, UTC).year, 1, 1, tzinfo=UTC)
        first = int(year.timestamp() // HOUR_SECONDS)
        earliest = connection.execute("SELECT min(hour) FROM hours WHERE hour >= ?", (first,)).fetchone()[0]
        source = (path, path.stat().st_ino, first, earliest)  # a new file may have the number of a deleted one
        if source != self._source:
            self._source = source
            self._old = self._settled = None
            self._known.clear()
            self._sources.clear()
        return first

    def _collect(self, connection: sqlite3.Connection, first: int, now: float) -> Totals:
        hour = int(now // HOUR_SECONDS)
        old = max(first, (hour - OLD_HOURS) // 24 * 24)
        settled = max(old, hour - SETTLED_HOURS)
        total = Totals()
        total.add(self._of_old_days(connection, first, old, now))
        kept = self._settled
        if kept is None or kept[:2] != (old, settled) or not 0 <= now - kept.at < REFRESH_SECONDS:
            kept = self._settled = _Kept(old, settled, now, self._read(connection, old, settled))
        total.add(kept.totals)
        total.add(self._read(connection, settled, hour + 2))
        total.dropped = connection.execute("SELECT coalesce(sum(dropped), 0) FROM runs").fetchone()[0]
        return total

    def _of_old_days(self, connection: sqlite3.Connection, first: int, last: int, now: float) -> Totals:
        """Return the totals of old days; of a day that has become old, only that day is read."""
        kept = self._old
        if kept is None or kept.last > last:  # the clock was set back
            kept = _Kept(first, first, now, Totals())
        kept.totals.add(self._read(connection, kept.last, last))
        self._old = _Kept(first, last, now, kept.totals)
        return kept.totals

    def _read(self, connection: sqlite3.Connection, first: int, last: int) -> Totals:
        found = Totals()
        for model, client, profile, status, *numbers in connection.execute(SELECT, (first, last)):
            found.of[self._own(Who(model, client, profile, status))].add(Total(*numbers))
        packed: defaultdict[Source, tuple[list[bytes], list[bytes]]] = defaultdict(lambda: ([], []))
        for model, profile, latency, first_pieces in connection.execute(PACKED, (first, last)):
            source = self._own_source(Source(model, profile))
            packed[source][0].append(latency)
            packed[source][1].append(first_pieces)
            if len(packed[source][0]) == ROWS_AT_ONCE:
                _unpack(found, source, *packed.pop(source))
        for source, (latencies, firsts) in packed.items():
            _unpack(found, source, latencies, firsts)
        return found

    def _own(self, who: Who) -> Who:
        if who not in self._known and len(self._known) >= self._most:
            return Who(OTHER, OTHER, OTHER, who.status)
        self._known.add(who)
        return who

    def _own_source(self, source: Source) -> Source:
        if source not in self._sources and len(self._sources) >= self._most_histograms:
            return Source(OTHER, OTHER)
        self._sources.add(source)
        return source


def _unpack(found: Totals, source: Source, latencies: list[bytes], first_pieces: list[bytes]) -> None:
    histogram.add_packed(found.latency[source], b"".join(latencies))
    histogram.add_packed(found.first_pieces[source], b"".join(first_pieces))
