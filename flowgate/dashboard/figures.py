"""Figures of the pages, and where the bars of the charts are."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from flowgate.ledger import histogram, usage
from flowgate.ledger.entries import Attempt
from flowgate.ledger.history import Past
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.ledger.usage import Group, Span

DAY_SECONDS = 86_400
CHART_WIDTH, CHART_HEIGHT = 720, 160
LABELS = 8  # at most, below a chart
LANE_WIDTH = 600
SHORTEST_BAR = 3


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


class Bar(NamedTuple):
    """A bar of a chart: where it is, in units of the drawing, and what it means."""

    x: float
    y: float
    width: float
    height: float
    lower: float
    label: str
    text: str


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


def bars(values: Sequence[tuple[str, float, float, str]]) -> list[Bar]:
    """Return the bars of a chart.

    Args:
        values: For each bar its label, its value, the part of it that is drawn in another colour, and a text.
    """
    most = max((value for _, value, _, _ in values), default=0) or 1
    step = CHART_WIDTH / max(1, len(values))
    every = -(-len(values) // LABELS)
    found = []
    for number, (label, value, part, text) in enumerate(values):
        height = round(CHART_HEIGHT * value / most, 1)
        shown = label if number % every == 0 else ""
        lower = round(CHART_HEIGHT * part / most, 1)
        x, width = round(number * step + step * 0.1, 1), round(step * 0.8, 1)
        found.append(Bar(x, round(CHART_HEIGHT - height, 1), width, height, lower, shown, text))
    return found


def timeline(past: Past) -> list[tuple[Attempt, Bar]]:
    """Return the attempts of a request with their bars on the time that it took.

    Args:
        past: The request.
    """
    one, attempts = past.entry
    ends = [attempt.at - one.at + (attempt.seconds or 0) for attempt in attempts]
    whole = max([one.seconds or 0, *ends]) or 1
    found = []
    for attempt in attempts:
        began = max(0.0, attempt.at - one.at)
        width = max(SHORTEST_BAR, LANE_WIDTH * (attempt.seconds or 0) / whole)
        x = min(LANE_WIDTH * began / whole, LANE_WIDTH - width)
        text = f"began after {began:.3f} s"
        found.append((attempt, Bar(round(x, 1), 0, round(width, 1), 14, 0, "", text)))
    return found
