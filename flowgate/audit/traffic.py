"""Read live traffic from the ledger: requests, their attempts, and what each attempt says about its deployment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from flowgate.ledger.entries import id_at
from flowgate.ledger.usage import Span

GOOD, CLIENT, NOBODY, MACHINE, SERVICE = "", "client", "nobody", "machine", "service"
STREAM, TIMEOUT, REFUSAL = "stream", "timeout", "refusal"
FAILURES = frozenset({STREAM, TIMEOUT, REFUSAL, "429", "401", "404"})
OBSTACLES = frozenset({MACHINE, SERVICE})
CLIENT_STATUSES = frozenset({400, 405, 409, 413, 415, 422})  # caused by the request itself: they count for nobody
NOT_ITS_FAULT = ("in progress", "CancelledError", "GeneratorExit")  # the client left, or the process was killed
BY_STATUS = {429: "429", 401: "401", 404: "404", 408: TIMEOUT, 504: TIMEOUT}
SELECT = """
SELECT r.id, r.at, r.run, r.request_id, r.model, r.error, r.seconds,
    a.at, a.model, a.deployment, a.deployment_id, a.host, a.provider, a.seconds, a.status, a.error, a.obstacle
FROM requests r JOIN attempts a ON a.request = r.id
WHERE r.id >= ? AND r.id < ? AND r.seconds IS NOT NULL ORDER BY r.id, a.number
"""


class Tried(NamedTuple):
    """One attempt.

    Attributes:
        at: When it began, in seconds since 1970.
        model: The model that was asked.
        deployment: The provider's model; empty if none was available.
        id: Id of the deployment.
        host: Its address.
        provider: The service that it is behind, or its provider.
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


def read(connection: sqlite3.Connection, span: Span) -> Iterator[Served]:
    """Yield the requests of a span that have ended and that a deployment was asked for, in the order of arrival.

    Args:
        connection: The ledger.
        span: The span.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    head: tuple[int, float, int, str, str, str, float] | None = None
    tried: list[Tried] = []
    for row in connection.execute(SELECT, (id_at(span.since), id_at(span.until))):
        if head is None or row[0] != head[0]:
            if head is not None:
                yield Served(*head, tuple(tried))
            head, tried = row[:7], []
        at, model, deployment, ident, host, provider, seconds, status, error, obstacle = row[7:]
        kind = GOOD if not error else classify(error, status, obstacle, bool(deployment))
        tried.append(Tried(at, model, deployment, ident, host, provider, seconds or 0.0, status, kind, obstacle))
    if head is not None:
        yield Served(*head, tuple(tried))


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
