"""Read live traffic from the ledger: requests, their attempts, and what each attempt says about its deployment."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from flowgate.ledger.entries import id_at
from flowgate.ledger.usage import Span

GOOD, CLIENT, NOBODY, MACHINE, SERVICE = "", "client", "nobody", "machine", "service"
STREAM, TIMEOUT, REFUSAL = "stream", "timeout", "refusal"
FAILURES = frozenset({STREAM, TIMEOUT, REFUSAL, "429", "401", "404"})
OBSTACLES = frozenset({MACHINE, SERVICE})
CLIENT_STATUSES = frozenset({400, 405, 409, 413, 415, 422})  # caused by the request itself: they count for nobody
NOT_ITS_FAULT = ("in progress", "CancelledError", "GeneratorExit")  # the client left, or the process was killed
BY_STATUS = {429: "429", 401: "401", 404: "404", 408: TIMEOUT, 504: TIMEOUT}
UNEVEN = """
WITH uneven AS (
    SELECT request FROM attempts WHERE request >= :first AND request < :after AND (number > 1 OR error != '')
    UNION SELECT id FROM requests WHERE error != '' AND id >= :first AND id < :after
)
SELECT r.id, r.at, r.run, r.request_id, r.model, r.error, r.seconds,
    a.at, a.model, a.deployment, a.deployment_id, a.host, a.provider, a.seconds, a.status, a.error, a.obstacle
FROM uneven JOIN requests r ON r.id = uneven.request JOIN attempts a ON a.request = r.id
WHERE r.seconds IS NOT NULL ORDER BY r.id, a.number
"""
# As few columns as possible: there are a hundred of these for each other one.
FIRST_ATTEMPTS = """
SELECT r.id, r.at, r.run, r.request_id, r.model, r.seconds,
    a.at, a.model, a.deployment, CASE a.deployment_id WHEN '' THEN a.host ELSE a.deployment_id END
FROM requests r JOIN attempts a ON a.request = r.id AND a.number = 1
WHERE r.id >= :first AND r.id < :after AND r.seconds IS NOT NULL ORDER BY r.id
"""
Key = tuple[str, str, str]  # model, deployment and its id (else its address)
Row = tuple[int, float, int, str, str, float, float, str, str, str]
"""A request and the start of one of its attempts: the columns of `FIRST_ATTEMPTS`."""

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
        kind: `GOOD`, one of `FAILURES` or `OBSTACLES`, or `CLIENT` or `NOBODY`: it says nothing about the deployment.
        obstacle: Why the deployment is not to blame; empty: no such reason.
    """

    at: float
    model: str
    deployment: str
    id: str
    host: str
    provider: str
    seconds: float
    status: int | None
    kind: str
    obstacle: str

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


class RunRow(NamedTuple):
    """A process that recorded requests.

    Attributes:
        id: Its id.
        generation: Number of its generation.
        profile: Its profile.
        version: Version of LiteLLM.
        promises: What its profile promised, as JSON; empty: not recorded.
    """

    id: int
    generation: int
    profile: str
    version: str
    promises: str


def runs(connection: sqlite3.Connection) -> dict[int, RunRow]:
    """Return the processes that recorded requests, by id.

    Args:
        connection: The ledger.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found = connection.execute("SELECT id, generation, profile, version, promises FROM runs ORDER BY id")
    return {row[0]: RunRow(*row) for row in found}


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

    def between(self, began: float, ended: float | None, run: int | None = None) -> Iterator[Served]:
        """Yield the requests that arrived within a time.

        Args:
            began: Beginning of the time.
            ended: Its end; None for no end.
            run: The process that served them; None for all.
        """
        first = bisect_left(self.rows, began, key=_arrived)
        after = len(self.rows) if ended is None else bisect_left(self.rows, ended, key=_arrived)
        for place in range(first, after):
            row = self.rows[place]
            if run is None or row[RUN] == run:
                yield self.served(row)


def _arrived(row: Row) -> float:
    return row[ARRIVED]


def _answered_at_once(row: Row) -> Served:
    ident, at, run, request_id, model, seconds, began, tried_model, deployment, where = row
    tried = Tried(began, tried_model, deployment, where, "", "", max(0.0, at + seconds - began), None, GOOD, "")
    return Served(ident, at, run, request_id, model, "", seconds, (tried,))


def row_of(request: Served, tried: Tried) -> Row:
    """Return the row of a request and one of its attempts.

    Args:
        request: The request.
        tried: The attempt.
    """
    who = (request.id, request.at, request.run, request.request_id, request.model, request.seconds)
    return *who, tried.at, tried.model, tried.deployment, tried.id


def read(connection: sqlite3.Connection, span: Span) -> Requests:
    """Read the requests of a span.

    Args:
        connection: The ledger; in a transaction, so that generations change nothing meanwhile.
        span: The span.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    bounds = {"first": id_at(span.since), "after": id_at(span.until)}
    uneven = {one.id: one for one in _uneven(connection.execute(UNEVEN, bounds))}
    return Requests(connection.execute(FIRST_ATTEMPTS, bounds).fetchall(), uneven)


def _uneven(rows: Iterable[tuple[Any, ...]]) -> Iterator[Served]:
    for _, group in groupby(rows, key=itemgetter(0)):
        attempts = list(group)
        ident, at, run, request_id, model, error, seconds = attempts[0][:7]
        tried = tuple(_tried(*row[7:]) for row in attempts)
        yield Served(ident, at, run, request_id, model, error, seconds, tried)


def _tried(*columns: Any) -> Tried:
    at, model, deployment, ident, host, provider, seconds, status, error, obstacle = columns
    kind = GOOD if not error else classify(error, status, obstacle, bool(deployment))
    return Tried(at, model, deployment, ident or host, host, provider, seconds or 0.0, status, kind, obstacle)


@lru_cache(maxsize=1024)
def classify(error: str, status: int | None, obstacle: str, was_chosen: bool) -> str:
    """Return what a failed attempt says about its deployment.

    Args:
        error: The kind of its error.
        status: HTTP status of the error.
        obstacle: Why the deployment is not to blame; empty: no such reason.
        was_chosen: A deployment was chosen at all.
    """
    if obstacle:
        return SERVICE if error == "not asked" else MACHINE
    if not was_chosen or error.startswith(NOT_ITS_FAULT):
        return NOBODY
    if error.startswith("the stream broke off"):
        return STREAM
    if "Timeout" in error or error == "connection timed out":
        return TIMEOUT
    if status in BY_STATUS:
        return BY_STATUS[status]
    return CLIENT if status in CLIENT_STATUSES else REFUSAL
