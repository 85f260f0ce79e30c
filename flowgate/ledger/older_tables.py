"""Read the tables of an earlier FlowGate as if its ledger had been migrated. The file stays as it is.

A generation of that FlowGate may still write into the file, and could not open it again once it was migrated.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict

from flowgate.ledger.schema import MIGRATIONS

ADDED_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+)[^']*?(?:DEFAULT ('[^']*'|\S+))?")
NEW_TABLE = re.compile(r"CREATE TABLE(?= )")


def stand_in(connection: sqlite3.Connection, version: int) -> None:
    """Give a connection what the migrations after a version would add, for itself alone.

    Args:
        connection: The ledger.
        version: The version of its tables.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    for statement in statements(version):
        connection.execute(statement)


def statements(version: int) -> list[str]:
    """Return what `stand_in` executes: empty tables for new ones, views with defaults for added columns.

    Args:
        version: The version of the tables.
    """
    tables: list[str] = []
    added: defaultdict[str, list[str]] = defaultdict(list)
    for script in MIGRATIONS[version:]:
        for statement in filter(None, map(str.strip, script.split(";"))):
            column = ADDED_COLUMN.fullmatch(statement)
            if column:
                added[column[1]].append(f"{column[3] or 'NULL'} AS {column[2]}")
            elif NEW_TABLE.match(statement):
                tables.append(NEW_TABLE.sub("CREATE TEMP TABLE", statement, count=1))
    views = [
        f"CREATE TEMP VIEW {name} AS SELECT *, {', '.join(columns)} FROM main.{name}"  # noqa: S608
        for name, columns in added.items()
    ]
    return [*tables, *views]
