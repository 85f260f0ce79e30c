"""Find single requests in the ledger."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from flowgate.ledger.entries import OWN_CLIENT, Attempt, Entry, Request, id_at
from flowgate.ledger.schema import ATTEMPT_COLUMNS, REQUEST_COLUMNS

_COLUMNS = ", ".join(f"requests.{name}" for name in REQUEST_COLUMNS)
SELECT = f"SELECT {_COLUMNS}, runs.generation, runs.profile, runs.version FROM requests JOIN runs ON runs.id = run"  # noqa: S608
SELECT_ATTEMPTS = f"SELECT {', '.join(ATTEMPT_COLUMNS)} FROM attempts WHERE request = ? ORDER BY number"  # noqa: S608


class Wanted(NamedTuple):
    """Which requests to find.

    Attributes:
        id_prefix: The beginning of the app's id; empty: any, but none that FlowGate sent.
        failed: Only those that failed.
        slow: The slowest ones instead of the last ones.
        since: Only those that arrived later, in seconds since 1970.
        last: How many at most.
    """

    id_prefix: str = ""
    failed: bool = False
    slow: bool = False
    since: float = 0.0
    last: int = 1


class Past(NamedTuple):
    """A recorded request.

    Attributes:
        entry: The request and its attempts.
        generation: Number of the generation that served it.
        profile: The profile.
        version: Version of the program that answered; empty: not known.
    """

    entry: Entry
    generation: int
    profile: str
    version: str


def find(connection: sqlite3.Connection, wanted: Wanted) -> list[Past]:
    """Find requests.

    Args:
        connection: The ledger.
        wanted: Which ones.

    Returns:
        The last ones, newest first, or the slowest ones first.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    conditions, values = ["requests.id >= ?"], [id_at(wanted.since)]
    if wanted.id_prefix:
        conditions.append("substr(request_id, 1, ?) = ?")
        given: list[int | str] = [*values, len(wanted.id_prefix), wanted.id_prefix]
    else:
        conditions.append("client != ?")
        given = [*values, OWN_CLIENT]
    if wanted.failed:
        conditions.append("error != ''")
    if wanted.slow:
        conditions.append("seconds IS NOT NULL")
    order = "seconds DESC" if wanted.slow else "requests.id DESC"
    text = f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    rows = connection.execute(text, (*given, wanted.last)).fetchall()
    return [_past(connection, row) for row in rows]


def matches(entry: Entry, wanted: Wanted) -> bool:
    """Return whether a request that is not in the ledger yet would be found.

    Args:
        entry: The request.
        wanted: Which ones are wanted.
    """
    one = entry.request
    is_wanted = one.request_id.startswith(wanted.id_prefix) if wanted.id_prefix else one.client != OWN_CLIENT
    return is_wanted and one.at >= wanted.since and (bool(one.error) or not wanted.failed)


def find_one(connection: sqlite3.Connection, number: int) -> Past | None:
    """Return a request by its number in the ledger, with its attempts; None if there is none.

    Args:
        connection: The ledger.
        number: `requests.id`.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    row = connection.execute(f"{SELECT} WHERE requests.id = ?", (number,)).fetchone()
    return _past(connection, row) if row else None


def _past(connection: sqlite3.Connection, row: tuple[object, ...]) -> Past:
    return to_past(row, tuple(Attempt(*one) for one in connection.execute(SELECT_ATTEMPTS, (row[0],))))


def to_past(row: tuple[object, ...], attempts: tuple[Attempt, ...]) -> Past:
    """Return the request of a row of `SELECT`.

    Args:
        row: The row.
        attempts: Its attempts.
    """
    *columns, generation, profile, version = row
    request = Request(*columns)  # type: ignore[arg-type]
    return Past(Entry(request, attempts), int(str(generation)), str(profile), str(version))
