"""Select single requests of the ledger to show them: by client, model, failure and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from flowgate.ledger.entries import id_at
from flowgate.ledger.history import SELECT, Past, to_past
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.system.clock import Clock

STEPS_PER_LOOK = 10_000  # instructions of SQLite between two looks at the clock: under a millisecond
NAMES = {name: f"SELECT DISTINCT {name} FROM hours WHERE hour >= ? ORDER BY 1 LIMIT ?" for name in ("client", "model")}  # noqa: S608


class TooSlow(Exception):
    """A selection was given up because it took too long."""


class Selection(NamedTuple):
    """Which requests to show.

    Attributes:
        since: Only those that arrived later, in seconds since 1970.
        failed: Only those that failed.
        slow: The slowest ones first, instead of the newest.
        client: Only those of this client; None for all.
        model: Only those that asked for this model; empty for all.
        before: Only those with a smaller id; 0 for all.
        most: How many at most.
    """

    since: float = 0.0
    failed: bool = False
    slow: bool = False
    client: str | None = None
    model: str = ""
    before: int = 0
    most: int = 50


def select(connection: sqlite3.Connection, wanted: Selection) -> list[Past]:
    """Return the requests of a selection, without their attempts.

    Args:
        connection: The ledger.
        wanted: Which ones.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    conditions, values = ["requests.id >= ?"], [id_at(wanted.since)]
    given: list[int | str] = [*values]
    for condition, value in (
        ("client = ?", wanted.client),
        ("model = ?", wanted.model or None),
        ("requests.id < ?", wanted.before or None),
    ):
        if value is not None:
            conditions.append(condition)
            given.append(value)
    conditions += ["error != ''"] if wanted.failed else []
    conditions += ["seconds IS NOT NULL"] if wanted.slow else []
    order = "seconds DESC" if wanted.slow else "requests.id DESC"
    text = f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    return [to_past(row, ()) for row in connection.execute(text, (*given, wanted.most))]


def names(connection: sqlite3.Connection, column: str, since: float, most: int = 200) -> list[str]:
    """Return the clients or models of a span, from the hourly sums.

    Args:
        connection: The ledger.
        column: client or model.
        since: Beginning of the span, in seconds since 1970.
        most: How many at most.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    return [str(name) for (name,) in connection.execute(NAMES[column], (int(since // HOUR_SECONDS), most))]


@contextmanager
def give_up_after(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Interrupt what the body asks of the ledger when it takes too long.

    Args:
        connection: The ledger.
        seconds: How long it may take.

    Raises:
        TooSlow: It took longer.
    """
    clock = Clock()
    end = clock.now() + seconds
    connection.set_progress_handler(lambda: clock.now() > end, STEPS_PER_LOOK)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TooSlow from None
    finally:
        connection.set_progress_handler(None, 0)
