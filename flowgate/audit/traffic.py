"""Read live traffic from the ledger: the processes, their requests, and what each attempt says about its deployment."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from flowgate.audit.served import (
    CLIENT,
    GOOD,
    MACHINE,
    NOBODY,
    REFUSAL,
    SERVICE,
    STREAM,
    TIMEOUT,
    Requests,
    Served,
    Tried,
)
from flowgate.ledger.entries import id_at
from flowgate.ledger.usage import Span

CLIENT_STATUSES = frozenset({400, 405, 409, 413, 415, 422})  # caused by the request itself: they count for nobody
NOT_ITS_FAULT = ("in progress", "CancelledError", "GeneratorExit")  # the client left, or the process was killed
BY_STATUS = {429: "429", 401: "401", 404: "404", 408: TIMEOUT, 504: TIMEOUT}
UNEVEN = """
WITH uneven AS (
    SELECT request FROM attempts WHERE request >= :first AND request < :after AND (number > 1 OR error != '')
    UNION SELECT id FROM requests WHERE error != '' AND id >= :first AND id < :after
)
SELECT r.id, r.at, r.run, r.request_id, r.model, r.error, r.seconds,
    a.at, a.model, a.deployment, a.deployment_id, a.host, a.provider, a.seconds, a.status, a.error, a.obstacle,
    a.retry_after
FROM uneven JOIN requests r ON r.id = uneven.request JOIN attempts a ON a.request = r.id
WHERE r.seconds IS NOT NULL ORDER BY r.id, a.number
"""
# As few columns as possible: there are a hundred of these for each other one.
FIRST_ATTEMPTS = """
SELECT r.id, r.at, r.run, CAST(r.request_id AS BLOB), r.model, r.seconds,
    a.at, a.model, a.deployment, CASE a.deployment_id WHEN '' THEN a.host ELSE a.deployment_id END
FROM requests r JOIN attempts a ON a.request = r.id AND a.number = 1
WHERE r.id >= :first AND r.id < :after AND r.seconds IS NOT NULL ORDER BY r.id
"""
UNFINISHED = "SELECT run FROM requests WHERE seconds IS NULL AND id >= ? AND id < ?"


class RunRow(NamedTuple):
    """A process that recorded requests.

    Attributes:
        id: Its id.
        generation: Number of its generation.
        profile: Its profile.
        version: Version of LiteLLM.
        promises: What its profile promised, as JSON; empty: not recorded.
        worker: Which worker of its generation it is, from 1; 0: not recorded.
    """

    id: int
    generation: int
    profile: str
    version: str
    promises: str
    worker: int

    @property
    def name(self) -> str:
        """What people call it."""
        return (
            f"worker {self.worker} of generation {self.generation}" if self.worker else f"generation {self.generation}"
        )


def runs(connection: sqlite3.Connection) -> dict[int, RunRow]:
    """Return the processes that recorded requests, by id.

    Args:
        connection: The ledger.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found = connection.execute("SELECT id, generation, profile, version, promises, worker FROM runs ORDER BY id")
    return {row[0]: RunRow(*row) for row in found}


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
    connection.text_factory = _Texts().__getitem__
    try:
        return Requests(connection.execute(FIRST_ATTEMPTS, bounds).fetchall(), uneven)
    finally:
        connection.text_factory = str


class _Texts(dict[bytes, str]):
    """Makes one text of the same bytes: most rows name the same few models, which halves the memory."""

    def __missing__(self, raw: bytes) -> str:
        self[raw] = text = raw.decode(errors="replace")
        return text


def in_progress(connection: sqlite3.Connection, span: Span, runs: Collection[int]) -> int:
    """Return how many requests of a span have not ended.

    Args:
        connection: The ledger.
        span: The span.
        runs: The processes that serve them.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found = connection.execute(UNFINISHED, (id_at(span.since), id_at(span.until)))
    return sum(run in runs for (run,) in found)


def _uneven(rows: Iterable[tuple[Any, ...]]) -> Iterator[Served]:
    for _, group in groupby(rows, key=itemgetter(0)):
        attempts = list(group)
        ident, at, run, request_id, model, error, seconds = attempts[0][:7]
        tried = tuple(_tried(*row[7:]) for row in attempts)
        yield Served(ident, at, run, request_id, model, error, seconds, tried)


def _tried(*columns: Any) -> Tried:
    at, model, deployment, ident, host, provider, seconds, status, error, obstacle, asked = columns
    kind = GOOD if not error else classify(error, status, obstacle, bool(deployment))
    who = (model, deployment, ident or host, host, provider)
    return Tried(at, *who, seconds or 0.0, status, error, kind, obstacle, asked)


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
