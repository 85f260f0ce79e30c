"""Figures of the pages, from the hourly sums of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from flowgate.ledger import histogram, usage
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.ledger.usage import Group, Span

DAY_SECONDS = 86_400


class Figures(NamedTuple):
    """The figures of a group of requests."""

    name: str
    requests: int
    failures: int
    tokens: int
    billed: float
    worth: float
    unpriced: int
    middle: float | None
    late: float | None
    share: float


NOTHING = Figures("", 0, 0, 0, 0.0, 0.0, 0, None, None, 0.0)


def today(now: float) -> Span:
    """Return the current day in UTC; the end is a full hour, so that the hourly sums suffice.

    Args:
        now: Seconds since 1970.
    """
    return days(now, 1)


def days(now: float, number: int) -> Span:
    """Return a span of whole days in UTC that ends with the current hour.

    Args:
        now: Seconds since 1970.
        number: How many days, the current one included.
    """
    start = now - now % DAY_SECONDS - (number - 1) * DAY_SECONDS
    return Span(start, now - now % HOUR_SECONDS + HOUR_SECONDS)


def collect(connection: sqlite3.Connection, span: Span, by: str) -> list[Figures]:
    """Return the figures of a span, grouped.

    Args:
        connection: The ledger.
        span: The span.
        by: What to group by, one of `usage.BY`.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    groups = usage.collect(connection, span, by)
    most = max((one.sums.requests for one in groups.values()), default=0) or 1
    found = [_figures(name, one, most) for name, one in groups.items()]
    return sorted(found, key=lambda one: one.name if by in ("day", "hour") else (-one.requests, one.name))


def total(rows: Sequence[Figures]) -> Figures:
    """Return the sum of figures; percentiles are not known of a sum."""
    return Figures(
        name="total",
        requests=sum(one.requests for one in rows),
        failures=sum(one.failures for one in rows),
        tokens=sum(one.tokens for one in rows),
        billed=sum(one.billed for one in rows),
        worth=sum(one.worth for one in rows),
        unpriced=sum(one.unpriced for one in rows),
        middle=None,
        late=None,
        share=100.0,
    )


def _figures(name: str, one: Group, most: int) -> Figures:
    sums = one.sums
    middle, late = histogram.percentiles(sums.latency, (50, 95))
    tokens = sums.prompt_tokens + sums.completion_tokens
    share = round(100 * sums.requests / most, 1)
    return Figures(name, sums.requests, sums.failures, tokens, one.billed, one.worth, one.unpriced, middle, late, share)


def without_gaps(rows: Sequence[Figures], span: Span, by: str) -> list[Figures]:
    """Return figures by day or hour with zeros where nothing was asked.

    Args:
        rows: The figures.
        span: The span.
        by: day or hour.
    """
    found = {one.name: one for one in rows}
    step, form = (DAY_SECONDS, "%Y-%m-%d") if by == "day" else (HOUR_SECONDS, "%Y-%m-%d %H:00")
    starts = range(int(span.since), int(span.until), step)
    names = [datetime.fromtimestamp(start, UTC).strftime(form) for start in starts]
    return [found.get(name) or NOTHING._replace(name=name) for name in names]


def last_hours(now: float, number: int) -> Span:
    """Return a span of whole hours that ends with the current one.

    Args:
        now: Seconds since 1970.
        number: How many hours, the current one included.
    """
    end = now - now % HOUR_SECONDS + HOUR_SECONDS
    return Span(end - number * HOUR_SECONDS, end)
