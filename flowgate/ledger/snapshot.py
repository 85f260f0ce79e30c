"""Copy the ledger as it is at one moment, also while workers write into it; check a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from flowgate.ledger import database
from flowgate.ledger.schema import VERSION

if TYPE_CHECKING:
    from pathlib import Path


def copy(path: Path, into: Path) -> bool:
    """Copy the ledger by SQLite's own backup.

    Args:
        path: The ledger.
        into: The copy; must not exist.

    Returns:
        Whether there was anything to copy.

    Raises:
        EnvironmentFailure: The ledger cannot be read, or the copy not be written.
    """
    source = database.open_to_read(path)
    if source is None:
        return False
    with database.translate_errors(path), closing(source), closing(sqlite3.connect(into)) as target:
        source.backup(target)  # all pages in one read transaction: writers go on beside it
    return True


def fault(path: Path) -> str:
    """Return what is wrong with a copy of a ledger; empty if nothing is.

    Args:
        path: The copy.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                return f"was written by a newer FlowGate (tables {version}; this one knows {VERSION})"
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            return "" if found == "ok" else f"is damaged: {found}"
    except (sqlite3.Error, ValueError, TypeError) as error:
        return f"is damaged: {error}"
