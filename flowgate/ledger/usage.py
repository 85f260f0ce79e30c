"""Sum up what the ledger holds about a span of time, by one of its columns.

Whole hours come from `hours`, which needs no row of a single request. The beginning and the end of a span that are not
at a full hour come from the requests themselves, as long as those are kept.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from flowgate.ledger import histogram, hours
from flowgate.ledger.entries import Request, id_at
from flowgate.ledger.hours import HOUR_SECONDS, Key, Sums
from flowgate.ledger.schema import HOUR_SUMS, REQUEST_COLUMNS
from flowgate.system import processes

ROWS_AT_ONCE = 1_000  # histograms of a group that are added up at once: more need more memory
SUBSCRIPTION, UNKNOWN = "subscription", "unknown"
_SUMS = ", ".join(f"sum({name})" for name in HOUR_SUMS)
SUM_HOURS = f"SELECT {{by}}, price, {_SUMS} FROM hours WHERE hour >= ? AND hour < ? GROUP BY 1, 2"  # noqa: S608
PACKED_HOURS = "SELECT {by}, latency, first_pieces FROM hours WHERE hour >= ? AND hour < ?"
_COLUMNS = ", ".join(f"requests.{name}" for name in REQUEST_COLUMNS)
SELECT_REQUESTS = (
    f"SELECT {_COLUMNS}, runs.profile FROM requests JOIN runs ON runs.id = requests.run "  # noqa: S608
    "WHERE requests.id >= ? AND requests.id < ? AND seconds IS NOT NULL"
)
SELECT_RUNS = (
    "SELECT generation, profile, pid, ticks, seen_at, ending, dropped FROM runs WHERE seen_at >= ? AND opened_at < ?"
)
SELECT_OLDEST = "SELECT at FROM requests ORDER BY id LIMIT 1"


class Span(NamedTuple):
    """A span of time.

    Attributes:
        since: Its beginning, in seconds since 1970.
        until: Its end, which is not a part of it.
    """

    since: float
    until: float


@dataclass(slots=True)
class Group:
    """The sums of some requests, and what they cost.

    Attributes:
        sums: The sums.
        billed: US dollars by a price list or a price of the config.
        worth: US dollars that requests through accounts would have cost by the price list.
        unpriced: Answered requests for which no price is known.
    """

    sums: Sums = field(default_factory=Sums)
    billed: float = 0.0
    worth: float = 0.0
    unpriced: int = 0

    def add(self, price: str, sums: Sums) -> None:
        """Add the sums of requests with one kind of price."""
        self.sums.add(sums)
        if price == SUBSCRIPTION:
            self.worth += sums.cost
        else:
            self.billed += sums.cost
        self.unpriced += sums.requests if price == UNKNOWN else 0


class Killed(NamedTuple):
    """A process that was killed: what it received in its last second may be missing.

    Attributes:
        generation: Number of its generation.
        profile: Its profile.
        at: When it wrote last, in seconds since 1970.
    """

    generation: int
    profile: str
    at: float


class Losses(NamedTuple):
    """What the ledger does not hold.

    Attributes:
        dropped: Requests that could not be recorded.
        killed: Processes that were killed.
    """

    dropped: int
    killed: list[Killed]


BY = {
    "model": "model",
    "deployment": "deployment",
    "client": "client",
    "profile": "profile",
    "provider": "provider",
    "day": "hour / 24",
    "hour": "hour",
    "status": "status",
}
"""What requests can be grouped by, and the column of `hours` that it is."""


def _name(by: str, found: int | str) -> str:
    if by in ("day", "hour"):
        start = datetime.fromtimestamp(int(found) * HOUR_SECONDS * (24 if by == "day" else 1), UTC)
        return start.strftime("%Y-%m-%d" if by == "day" else "%Y-%m-%d %H:00")
    return "none" if found == 0 else str(found)


def collect(connection: sqlite3.Connection, span: Span, by: str) -> dict[str, Group]:
    """Sum up the requests of a span.

    Args:
        connection: The ledger.
        span: The span.
        by: One of `BY`.

    Returns:
        The groups by name, in no order.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found: defaultdict[str, Group] = defaultdict(Group)
    first, last = _whole_hours(connection, span)
    for value, price, *numbers in connection.execute(SUM_HOURS.format(by=BY[by]), (first, last)):
        found[_name(by, value)].add(price, Sums(*numbers))
    packed: defaultdict[int | str, tuple[list[bytes], list[bytes]]] = defaultdict(lambda: ([], []))
    for value, latency, first_pieces in connection.execute(PACKED_HOURS.format(by=BY[by]), (first, last)):
        packed[value][0].append(latency)
        packed[value][1].append(first_pieces)
        if len(packed[value][0]) == ROWS_AT_ONCE:
            _unpack(found[_name(by, value)], *packed.pop(value))
    for value, (latencies, firsts) in packed.items():
        _unpack(found[_name(by, value)], latencies, firsts)
    for key, sums in _edges(connection, span, first, last):
        value = key.hour // 24 if by == "day" else getattr(key, by)
        found[_name(by, value)].add(key.price, sums)
    return dict(found)


def _unpack(group: Group, latencies: list[bytes], first_pieces: list[bytes]) -> None:
    histogram.add_packed(group.sums.latency, b"".join(latencies))
    histogram.add_packed(group.sums.first_pieces, b"".join(first_pieces))


def _edges(connection: sqlite3.Connection, span: Span, first: int, last: int) -> Iterator[tuple[Key, Sums]]:
    """Yield the sums of the requests before the first whole hour, and after the last one."""
    start, end = min(first * HOUR_SECONDS, span.until), max(last * HOUR_SECONDS, span.since)
    edges = [(span.since, start), (end, span.until)] if first <= last else [(span.since, span.until)]
    for since, until in edges:
        if since < until:
            yield from _edge(connection, since, until)


def _whole_hours(connection: sqlite3.Connection, span: Span) -> tuple[int, int]:
    """Return the first whole hour of a span, and the first one after it.

    An hour counts as whole if nothing of it is outside the span, or if its requests are not kept any more.
    """
    first, last = -int(-span.since // HOUR_SECONDS), int(span.until // HOUR_SECONDS)
    oldest = connection.execute(SELECT_OLDEST).fetchone()
    if oldest is None or oldest[0] > first * HOUR_SECONDS:
        first = int(span.since // HOUR_SECONDS)
    if oldest is None or oldest[0] > span.until:
        last = -int(-span.until // HOUR_SECONDS)
    return first, last


def _edge(connection: sqlite3.Connection, since: float, until: float) -> Iterator[tuple[Key, Sums]]:
    for *columns, profile in connection.execute(SELECT_REQUESTS, (id_at(since), id_at(until))):
        one, sums = Request(*columns), Sums()
        sums.add_request(one)
        yield hours.key(one, profile), sums


def losses(connection: sqlite3.Connection, span: Span, wanted: str = "") -> Losses:
    """Return what is missing in a span.

    Args:
        connection: The ledger.
        span: The span.
        wanted: Name of a profile; empty for all.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    dropped, killed = 0, []
    for generation, profile, pid, ticks, seen_at, ending, lost in connection.execute(SELECT_RUNS, span):
        if wanted not in ("", profile):
            continue
        dropped += lost
        has_gone = ending == "killed" or (not ending and not processes.alive(processes.Identity(pid, ticks)))
        if has_gone and seen_at < span.until:
            killed.append(Killed(generation, profile, seen_at))
    return Losses(dropped, killed)


def kept_since(connection: sqlite3.Connection, span: Span) -> float | None:
    """Return since when single requests of a span are kept; None if none of it was deleted.

    Args:
        connection: The ledger.
        span: The span.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    oldest = connection.execute(SELECT_OLDEST).fetchone()
    kept = min(oldest[0], span.until) if oldest else span.until
    hours_before = (-int(-span.since // HOUR_SECONDS), int(kept // HOUR_SECONDS))
    older = connection.execute("SELECT 1 FROM hours WHERE hour >= ? AND hour < ? LIMIT 1", hours_before).fetchone()
    return kept if older else None
