"""Delete the oldest requests in small steps, and give their space back, without blocking those who write."""

from __future__ import annotations

import math
import sqlite3

from flowgate.domain.ledger import LedgerFile
from flowgate.ledger.entries import id_at
from flowgate.ledger.hours import HOUR_SECONDS

DAY_SECONDS = 86_400
ROWS_PER_STEP = 500
PAGES_PER_STEP = 250  # 1 MB
HOURS_KEPT_DAYS = 1_100  # three years
MB = 1_000_000
LAST_ID = 2**63 - 1


def step(connection: sqlite3.Connection, settings: LedgerFile, now: float) -> bool:
    """Do one step; it takes some milliseconds.

    Args:
        connection: The ledger.
        settings: How much is kept.
        now: Seconds since 1970.

    Returns:
        Whether there is more to do.

    Raises:
        sqlite3.Error: The step could not be done.
    """
    oldest = now - settings.keep_days * DAY_SECONDS
    deleted = _delete_before(connection, id_at(oldest)) | _delete_accounts_before(connection, oldest)
    if not deleted and used_bytes(connection) > settings.max_mb * MB:
        deleted = _delete_before(connection, LAST_ID) | _delete_accounts_before(connection, math.inf)
    if not deleted:
        last_hour = (now - HOURS_KEPT_DAYS * DAY_SECONDS) // HOUR_SECONDS
        connection.execute("DELETE FROM hours WHERE hour < ?", (last_hour,))
        connection.execute("DELETE FROM account_hours WHERE hour < ?", (last_hour,))
        connection.execute("DELETE FROM quotas WHERE observed_at < ?", (oldest,))
        ended = "DELETE FROM runs WHERE ending != '' AND closed_at < ?"
        connection.execute(ended, (oldest,))
    free = _number(connection, "freelist_count")
    if free:
        # Not `execute`: it steps once, which frees one page.
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_PER_STEP})")
    return deleted or free > PAGES_PER_STEP


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of what the ledger holds, without the space that is free in its file.

    Args:
        connection: The ledger.
    """
    pages = _number(connection, "page_count") - _number(connection, "freelist_count")
    return pages * _number(connection, "page_size")


def _delete_before(connection: sqlite3.Connection, limit: int) -> bool:
    """Delete the oldest requests before an id; return whether there were any."""
    oldest = "SELECT max(id) FROM (SELECT id FROM requests WHERE id < ? ORDER BY id LIMIT ?)"
    last = connection.execute(oldest, (limit, ROWS_PER_STEP)).fetchone()[0]
    if last is None:
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM attempts WHERE request <= ?", (last,))
        connection.execute("DELETE FROM requests WHERE id <= ?", (last,))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return True


def _delete_accounts_before(connection: sqlite3.Connection, limit: float) -> bool:
    """Delete the oldest attempts of accounts before a time; return whether there were any."""
    old = "SELECT id FROM account_requests WHERE at < ? ORDER BY at LIMIT ?"
    text = f"DELETE FROM account_requests WHERE id IN ({old})"  # noqa: S608
    return connection.execute(text, (limit, ROWS_PER_STEP)).rowcount > 0


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
