"""A ledger with tables of an earlier FlowGate is read as it is, and migrated by the first generation that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from flowgate.audit.audit import UNKNOWN, Audit
from flowgate.ledger import database, usage
from flowgate.ledger.entries import Attempt, Request
from flowgate.ledger.older_tables import ADDED_COLUMN
from flowgate.ledger.schema import (
    ATTEMPT_COLUMNS,
    MIGRATIONS,
    REQUEST_COLUMNS,
    RUN_COLUMNS,
    TABLES,
    VERSION,
    insertion,
)
from flowgate.ledger.usage import Span
from tests.unit.ledger.conftest import NOW, entry, record

ROWS = 5
EVERYTHING = Span(NOW - 1000, NOW + 1000)
OLDER = range(1, VERSION)


def put(connection: sqlite3.Connection, table: str, columns: Sequence[str], row: Sequence[object]) -> None:
    """Insert the columns of a row that the table has."""
    known = {one[1] for one in connection.execute(f"PRAGMA table_info({table})")}
    found = {name: value for name, value in zip(columns, row, strict=True) if name in known}
    connection.execute(insertion(table, tuple(found)), list(found.values()))


def make(path: Path, version: int) -> None:
    """Write a ledger as the FlowGate of a version of the tables did."""
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        put(connection, "runs", RUN_COLUMNS, (1, 1, "balanced", "1.106.2", 4_194_309, 1, NOW - 10, NOW, "", 0))
        for number in range(ROWS):
            one = entry(at=NOW + number)
            put(connection, "requests", REQUEST_COLUMNS, one.request)
            put(connection, "attempts", ATTEMPT_COLUMNS, one.attempts[0])
        connection.execute(f"PRAGMA user_version = {version}")


def rows(connection: sqlite3.Connection) -> tuple[list[Request], list[Attempt], list[str]]:
    return (
        [Request(*row) for row in connection.execute(f"SELECT {', '.join(REQUEST_COLUMNS)} FROM requests ORDER BY id")],  # noqa: S608
        [Attempt(*row) for row in connection.execute(f"SELECT {', '.join(ATTEMPT_COLUMNS)} FROM attempts")],  # noqa: S608
        [row[0] for row in connection.execute("SELECT promises FROM runs WHERE generation = 1")],
    )


def opened(path: Path) -> sqlite3.Connection:
    connection = database.open_to_read(path)
    assert connection is not None
    return connection


@pytest.mark.parametrize("version", OLDER)
def test_older_tables_have_every_documented_column(path: Path, version: int) -> None:
    make(path, version)
    with closing(opened(path)) as connection:
        for table, columns in TABLES.items():
            connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()  # noqa: S608


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER TABLE t ADD COLUMN c TEXT NOT NULL DEFAULT ''", ("t", "c", "''")),
        ("ALTER TABLE t ADD COLUMN c TEXT NOT NULL DEFAULT 'two words'", ("t", "c", "'two words'")),
        ("ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 0", ("t", "c", "0")),
        ("ALTER TABLE t ADD COLUMN c REAL", ("t", "c", None)),
    ],
)
def test_an_added_column_is_understood(statement: str, found: tuple[str | None, ...]) -> None:
    understood = ADDED_COLUMN.fullmatch(statement)
    assert understood is not None
    assert understood.groups() == found


@pytest.mark.parametrize("version", OLDER)
def test_older_tables_are_read_and_stay_as_they_are(path: Path, version: int) -> None:
    make(path, version)
    before = path.read_bytes()
    with closing(opened(path)) as connection:
        requests, attempts, promises = rows(connection)
        assert (len(requests), len(attempts), promises) == (ROWS, ROWS, [""])
        assert usage.collect(connection, EVERYTHING, "model")["m"].sums.requests == ROWS
        assert len(usage.losses(connection, EVERYTHING).killed) == 1
        assert {one.retry_after for one in attempts} == {None}
        assert connection.execute("SELECT worker FROM runs").fetchall() == [(0,)]
    assert path.read_bytes() == before


def test_requests_without_recorded_promises_are_not_called_kept(path: Path) -> None:
    make(path, 1)
    with closing(opened(path)) as connection:
        [found] = Audit(connection, EVERYTHING, "").profiles()
    assert (found["requests"], {one["verdict"] for one in found["promises"]}) == (ROWS, {UNKNOWN})


@pytest.mark.parametrize("version", OLDER)
def test_a_migration_keeps_every_row(path: Path, version: int) -> None:
    make(path, version)
    with closing(opened(path)) as connection:
        before = rows(connection)
    record(path)
    with closing(opened(path)) as connection:
        assert rows(connection)[:2] == before[:2]
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize("version", OLDER)
def test_migrated_tables_are_those_of_a_new_ledger(path: Path, tmp_path: Path, version: int) -> None:
    make(path, version)
    record(path)
    new = tmp_path / "new" / "ledger.sqlite"
    record(new)
    found = []
    for one in (path, new):
        with closing(opened(one)) as connection:
            tables = sorted(row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
            found.append({name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in tables})
    assert found[0] == found[1]


def test_a_generation_of_the_older_flowgate_may_go_on_writing(path: Path) -> None:
    make(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        record(path)
        older = [name for name in RUN_COLUMNS if name not in ("promises", "worker")]
        old.execute(insertion("runs", tuple(older)), (9, 2, "cost", "1.0", 5, 1, NOW, NOW))
    with closing(opened(path)) as connection:
        assert connection.execute("SELECT promises FROM runs WHERE id = 9").fetchone() == ("",)
