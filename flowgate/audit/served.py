"""Requests of live traffic with their attempts: plain data. What is read from the ledger most is one short row."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

GOOD, CLIENT, NOBODY, MACHINE, SERVICE = "", "client", "nobody", "machine", "service"
STREAM, TIMEOUT, REFUSAL = "stream", "timeout", "refusal"
FAILURES = frozenset({STREAM, TIMEOUT, REFUSAL, "429", "401", "404"})
OBSTACLES = frozenset({MACHINE, SERVICE})
Key = tuple[str, str, str]  # model, deployment and its id (else its address)
Row = tuple[int, float, int, bytes, str, float, float, str, str, str]
"""A request and the start of one of its attempts: the columns of `traffic.FIRST_ATTEMPTS`."""

ID: Final = 0
ARRIVED: Final = 1
RUN: Final = 2
MODEL: Final = 4
SECONDS: Final = 5
BEGAN: Final = 6
KEY: Final = 7  # and what follows


class Tried(NamedTuple):
    """One attempt.

    Attributes:
        at: When it began, in seconds since 1970.
        model: The model that was asked.
        deployment: The provider's model; empty if none was available.
        id: Id of the deployment, else its address.
        host: Its address; empty in a request that was answered at once.
        provider: The service that it is behind, or its provider; empty in a request that was answered at once.
        seconds: How long it took.
        status: HTTP status of the error.
        error: What it is called in the ledger.
        kind: `GOOD`, one of `FAILURES` or `OBSTACLES`, or `CLIENT` or `NOBODY`: it says nothing about the deployment.
        obstacle: Why the deployment is not to blame; empty: no such reason.
        retry_after: Seconds for which its response asked to wait; -1: for none; None: not recorded.
    """

    at: float
    model: str
    deployment: str
    id: str
    host: str
    provider: str
    seconds: float
    status: int | None
    error: str
    kind: str
    obstacle: str
    retry_after: int | None = None

    @property
    def end(self) -> float:
        """When it ended, in seconds since 1970."""
        return self.at + self.seconds


class Served(NamedTuple):
    """One request.

    Attributes:
        id: Its id in the ledger.
        at: When it arrived, in seconds since 1970.
        run: The process that served it.
        request_id: LiteLLM's id of it; empty if it has none.
        model: The name that the client asked for.
        error: The kind of its failure; empty: it was answered.
        seconds: How long it took.
        tried: Its attempts.
    """

    id: int
    at: float
    run: int
    request_id: str
    model: str
    error: str
    seconds: float
    tried: tuple[Tried, ...]

    @property
    def name(self) -> str:
        """What a person finds it by: `inv explain --id`."""
        return self.request_id or f"#{self.id}"


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a span that have ended and that a deployment was asked for.

    Attributes:
        rows: One row for each, in the order of arrival.
        uneven: Those that failed, or that were not answered by their first attempt, by id; also in this order.
    """

    rows: Sequence[Row]
    uneven: Mapping[int, Served]

    def served(self, row: Row) -> Served:
        """Return a request with its attempts.

        Args:
            row: One of `rows`.
        """
        return self.uneven.get(row[ID]) or _answered_at_once(row)

    def between(self, began: float, ended: float | None, runs: Collection[int] = ()) -> Iterator[Served]:
        """Yield the requests that arrived within a time.

        Args:
            began: Beginning of the time.
            ended: Its end; None for no end.
            runs: The processes that served them; empty for all.
        """
        first = bisect_left(self.rows, began, key=_arrived)
        after = len(self.rows) if ended is None else bisect_left(self.rows, ended, key=_arrived)
        for place in range(first, after):
            row = self.rows[place]
            if not runs or row[RUN] in runs:
                yield self.served(row)


def _arrived(row: Row) -> float:
    return row[ARRIVED]


def _answered_at_once(row: Row) -> Served:
    ident, at, run, request_id, model, seconds, began, tried_model, deployment, where = row
    tried = Tried(began, tried_model, deployment, where, "", "", max(0.0, at + seconds - began), None, "", GOOD, "")
    return Served(ident, at, run, request_id.decode(errors="replace"), model, "", seconds, (tried,))


def row_of(request: Served, tried: Tried) -> Row:
    """Return the row of a request and one of its attempts.

    Args:
        request: The request.
        tried: The attempt.
    """
    who = (request.id, request.at, request.run, request.request_id.encode(), request.model, request.seconds)
    return *who, tried.at, tried.model, tried.deployment, tried.id
