"""Write what services said about their accounts, and sum it up: rows, sums of an hour, and the limits."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowgate.ledger import histogram
from flowgate.ledger.account_entries import EXHAUSTED, LIMIT, AccountRequest, Collected, QuotaReading, Rise
from flowgate.ledger.hours import HOUR_SECONDS, Sums
from flowgate.ledger.schema import (
    ACCOUNT_HOUR_COLUMNS,
    ACCOUNT_HOUR_KEY,
    ACCOUNT_HOUR_SUMS,
    ACCOUNT_REQUEST_COLUMNS,
    QUOTA_COLUMNS,
    insertion,
)
from flowgate.ledger.usage import Group, Span

SHORT_SECONDS = 300.0
INSERT = insertion("account_requests", ACCOUNT_REQUEST_COLUMNS)
INSERT_HOUR = insertion("account_hours", ACCOUNT_HOUR_COLUMNS)
INSERT_QUOTA = insertion("quotas", QUOTA_COLUMNS)
_FIGURES = ", ".join(ACCOUNT_HOUR_COLUMNS[len(ACCOUNT_HOUR_KEY) :])
_SAME_HOUR = " AND ".join(f"{name} = ?" for name in ACCOUNT_HOUR_KEY)
SELECT_HOUR = f"SELECT {_FIGURES} FROM account_hours WHERE {_SAME_HOUR}"  # noqa: S608
SELECT_HOURS = f"SELECT provider, account, {_FIGURES} FROM account_hours WHERE hour >= ? AND hour < ?"  # noqa: S608
SELECT_ROWS = f"SELECT {', '.join(ACCOUNT_REQUEST_COLUMNS)} FROM account_requests WHERE at >= ? AND at < ?"  # noqa: S608
OLDEST = "SELECT min(at) FROM account_requests"
SELECT_QUOTAS = f"SELECT {', '.join(QUOTA_COLUMNS)} FROM quotas ORDER BY provider, account, model, window"  # noqa: S608
SELECT_QUOTA = (
    "SELECT observed_at, resets_at, level FROM quotas WHERE account = ? AND provider = ? AND model = ? AND window = ?"
)
LIFT = f"DELETE FROM quotas WHERE account = ? AND provider = ? AND model = ? AND window = '{LIMIT}' AND observed_at < ?"  # noqa: S608


class Key(NamedTuple):
    """What the attempts of one row of `account_hours` have in common."""

    hour: int
    account: str
    provider: str
    model: str
    status: int


def write(connection: sqlite3.Connection, collected: Collected, warn_at: float) -> list[Rise]:
    """Write what a service said, as one transaction.

    Args:
        connection: The ledger.
        collected: What it said.
        warn_at: Percent of a limit above which it is reported.

    Returns:
        The limits that have come near or been reached since the last time.

    Raises:
        sqlite3.Error: Nothing was written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(INSERT, collected.requests)
        _merge(connection, collected.requests)
        for one in collected.requests:
            if not one.failed:
                connection.execute(LIFT, (one.account, one.provider, one.model, one.at))
        rises = [rise for one in collected.readings if (rise := _note(connection, one, warn_at)) is not None]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return rises


def _merge(connection: sqlite3.Connection, requests: Iterable[AccountRequest]) -> None:
    found: defaultdict[Key, Sums] = defaultdict(Sums)
    for one in requests:
        key = Key(int(one.at // HOUR_SECONDS), one.account, one.provider, one.model, one.status)
        _add(found[key], one)
    for key, sums in found.items():
        before = connection.execute(SELECT_HOUR, key).fetchone()
        if before:
            sums.add(_sums(before))
        figures = [getattr(sums, name) for name in ACCOUNT_HOUR_SUMS]
        row = (*key, *figures, histogram.pack(sums.latency), histogram.pack(sums.first_pieces))
        connection.execute(INSERT_HOUR, row)


def _add(sums: Sums, one: AccountRequest) -> None:
    sums.requests += 1
    sums.failures += one.failed
    if one.prompt_tokens is not None and not one.failed:
        sums.counted += 1
        sums.prompt_tokens += one.prompt_tokens
        sums.completion_tokens += one.completion_tokens or 0
        sums.cached_tokens += one.cached_tokens or 0
        sums.reasoning_tokens += one.reasoning_tokens or 0
    if not one.failed:
        histogram.add(sums.latency, {histogram.bucket(one.seconds): 1})
        if one.first_piece is not None:
            histogram.add(sums.first_pieces, {histogram.bucket(one.first_piece): 1})


def _sums(figures: tuple[int | bytes, ...]) -> Sums:
    *numbers, latency, first_pieces = figures
    found = Sums(**dict(zip(ACCOUNT_HOUR_SUMS, numbers, strict=True)))  # type: ignore[arg-type]
    histogram.add_packed(found.latency, bytes(latency))
    histogram.add_packed(found.first_pieces, bytes(first_pieces))
    return found


def _note(connection: sqlite3.Connection, one: QuotaReading, warn_at: float) -> Rise | None:
    """Keep what is known about a limit; return it if it has come nearer than what was reported before."""
    key = (one.account, one.provider, one.model, one.window)
    observed_at, resets_at, level = connection.execute(SELECT_QUOTA, key).fetchone() or (0.0, None, 0)
    if observed_at > one.observed_at:
        return None
    if resets_at is not None and resets_at <= one.observed_at:
        level = 0  # another window has begun since
    reached = 2 if one.used >= EXHAUSTED else int(one.used >= warn_at)
    if one.window == LIMIT and (one.resets_at is None or one.resets_at - one.observed_at < SHORT_SECONDS):
        reached = 0  # one of many: limits by the minute end by themselves
    connection.execute(INSERT_QUOTA, (*one, reached))
    return Rise(one, reached > 1) if reached > level else None


def quotas(connection: sqlite3.Connection) -> list[QuotaReading]:
    """Return what is known about the limits of accounts.

    Args:
        connection: The ledger.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    return [QuotaReading(*row[:-1]) for row in connection.execute(SELECT_QUOTAS)]


def collect(connection: sqlite3.Connection, span: Span) -> dict[str, Group]:
    """Sum up the attempts of a span by provider and account.

    Whole hours come from `account_hours`; what is left of the span comes from the rows.

    Args:
        connection: The ledger.
        span: The span.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found: defaultdict[str, Group] = defaultdict(Group)
    first, last = _whole_hours(connection, span)
    for provider, account, *figures in connection.execute(SELECT_HOURS, (first, last)):
        found[name(provider, account)].sums.add(_sums(tuple(figures)))
    for since, until in _edges(span, first, last):
        for row in connection.execute(SELECT_ROWS, (since, until)):
            one = AccountRequest(*row)
            _add(found[name(one.provider, one.account)].sums, one)
    return dict(found)


def name(provider: str, account: str) -> str:
    """Return an account's name in lists.

    Args:
        provider: Its provider.
        account: Its name at the provider.
    """
    return f"{provider} {account}".strip()


def _whole_hours(connection: sqlite3.Connection, span: Span) -> tuple[int, int]:
    """Return the first hour that is taken as a whole, and the first one after them."""
    first, last = -int(-span.since // HOUR_SECONDS), int(span.until // HOUR_SECONDS)
    oldest = connection.execute(OLDEST).fetchone()[0]
    if oldest is None or oldest > first * HOUR_SECONDS:
        first = int(span.since // HOUR_SECONDS)
    if oldest is None or oldest > span.until:
        last = -int(-span.until // HOUR_SECONDS)
    return first, last


def _edges(span: Span, first: int, last: int) -> Iterator[tuple[float, float]]:
    start, end = min(first * HOUR_SECONDS, span.until), max(last * HOUR_SECONDS, span.since)
    edges = [(span.since, start), (end, span.until)] if first <= last else [(span.since, span.until)]
    yield from ((since, until) for since, until in edges if since < until)
