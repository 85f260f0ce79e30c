"""The sums of an hour: what the ledger keeps for long, and what `usage` reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flowgate.ledger import histogram
from flowgate.ledger.entries import Request
from flowgate.ledger.histogram import Histogram
from flowgate.ledger.schema import HOUR_COLUMNS, HOUR_KEY, insertion

HOUR_SECONDS = 3600
SELECT = f"SELECT {', '.join(HOUR_COLUMNS[len(HOUR_KEY) :])} FROM hours WHERE " + " AND ".join(  # noqa: S608
    f"{name} = ?" for name in HOUR_KEY
)
INSERT = insertion("hours", HOUR_COLUMNS)


class Key(NamedTuple):
    """What the requests of one row of `hours` have in common."""

    hour: int
    profile: str
    client: str
    model: str
    deployment: str
    provider: str
    price: str
    status: int


@dataclass(slots=True)
class Sums:
    """Sums of requests; the attributes are the columns of `hours`."""

    requests: int = 0
    failures: int = 0
    retries: int = 0
    fallbacks: int = 0
    waited: float = 0.0
    counted: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0
    latency: Histogram = field(default_factory=dict)
    first_pieces: Histogram = field(default_factory=dict)

    def add_request(self, one: Request, sign: int = 1) -> None:
        """Add a request that has ended.

        Args:
            one: The request.
            sign: -1 to take it away again.
        """
        self.requests += sign
        self.failures += sign * bool(one.error)
        self.retries += sign * one.retries
        self.fallbacks += sign * one.fallbacks
        self.waited += sign * one.waited
        if one.prompt_tokens is not None:
            self.counted += sign
            self.prompt_tokens += sign * one.prompt_tokens
            self.completion_tokens += sign * (one.completion_tokens or 0)
            self.cached_tokens += sign * (one.cached_tokens or 0)
            self.reasoning_tokens += sign * (one.reasoning_tokens or 0)
        self.cost += sign * (one.cost or 0.0)
        if one.seconds is not None and not one.error:
            histogram.add(self.latency, {histogram.bucket(one.seconds): sign})
        if one.first_piece is not None and not one.error:
            histogram.add(self.first_pieces, {histogram.bucket(one.first_piece): sign})

    def add(self, more: Sums) -> None:
        """Add other sums."""
        self.requests += more.requests
        self.failures += more.failures
        self.retries += more.retries
        self.fallbacks += more.fallbacks
        self.waited += more.waited
        self.counted += more.counted
        self.prompt_tokens += more.prompt_tokens
        self.completion_tokens += more.completion_tokens
        self.cached_tokens += more.cached_tokens
        self.reasoning_tokens += more.reasoning_tokens
        self.cost += more.cost
        histogram.add(self.latency, more.latency)
        histogram.add(self.first_pieces, more.first_pieces)

    def to_row(self) -> tuple[int | float | bytes, ...]:
        """Return the columns of `hours` after the key."""
        numbers = (self.requests, self.failures, self.retries, self.fallbacks, self.waited, self.counted)
        tokens = (self.prompt_tokens, self.completion_tokens, self.cached_tokens, self.reasoning_tokens)
        return (*numbers, *tokens, self.cost, histogram.pack(self.latency), histogram.pack(self.first_pieces))

    @classmethod
    def from_row(cls, numbers: Sequence[int | float], latency: bytes, first_pieces: bytes) -> Sums:
        """Return the sums that `to_row` has made columns of.

        Args:
            numbers: All but the histograms.
            latency: Packed.
            first_pieces: Packed.
        """
        found = cls(*numbers)  # type: ignore[arg-type]
        histogram.add_packed(found.latency, latency)
        histogram.add_packed(found.first_pieces, first_pieces)
        return found


def key(one: Request, profile: str) -> Key:
    """Return the row of `hours` to which a request belongs.

    Args:
        one: The request.
        profile: The profile that served it.
    """
    hour = int(one.at // HOUR_SECONDS)
    return Key(hour, profile, one.client, one.model, one.deployment, one.provider, one.price, one.status or 0)


def merge(connection: sqlite3.Connection, sums: Mapping[Key, Sums]) -> None:
    """Add sums to the ledger, within the caller's transaction.

    Args:
        connection: The ledger.
        sums: The sums.
    """
    for where, more in sums.items():
        found = connection.execute(SELECT, where).fetchone()
        total = Sums.from_row(found[:-2], *found[-2:]) if found else Sums()
        total.add(more)
        connection.execute(INSERT, (*where, *total.to_row()))
