"""The file of the ledger: private, migrated, refused when it is newer, set aside when it is damaged."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from flowgate.errors import EnvironmentFailure
from flowgate.ledger import database
from flowgate.ledger.schema import TABLES, VERSION
from tests.unit.ledger.conftest import entry, record


def make_newer(path: Path) -> None:
    record(path, entry())
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


def test_the_ledger_and_the_files_beside_it_are_private(path: Path) -> None:
    store = record(path, entry(), close=False)
    found = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert found == dict.fromkeys(("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"), 0o600)
    store.connection.close()


def test_a_ledger_that_others_can_read_is_made_private(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    record(path, entry())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_tables_have_the_documented_columns(path: Path) -> None:
    record(path, entry())
    connection = database.open_to_read(path)
    assert connection is not None
    for table, columns in TABLES.items():
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        assert known - {"closed_at", "ending", "dropped"} == set(columns)
    connection.close()


def test_an_empty_file_gets_its_tables(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert database.open_to_read(path) is None
    record(path, entry())
    connection = database.open_to_read(path)
    assert connection is not None
    connection.close()


def test_a_newer_ledger_is_refused_and_not_touched(path: Path) -> None:
    make_newer(path)
    before = path.read_bytes()
    for open_it in (database.open_to_read, database.open_to_write):
        with pytest.raises(EnvironmentFailure, match="newer FlowGate"):
            open_it(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"not a ledger at all, but long enough to be one" * 50, b"\0" * 8192])
def test_a_damaged_ledger_is_an_error_for_readers_and_set_aside_by_writers(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(EnvironmentFailure, match="cannot be read"):
        database.open_to_read(path)
    aside = database.set_aside_if_damaged(path)
    assert aside is not None
    assert aside.read_bytes() == content
    assert not path.exists()


def test_a_sound_ledger_is_not_set_aside(path: Path) -> None:
    record(path, entry())
    assert database.set_aside_if_damaged(path) is None
    assert path.exists()


def test_a_ledger_without_a_table_is_damaged(path: Path) -> None:
    record(path, entry())
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE attempts")
    connection.close()
    assert database.set_aside_if_damaged(path) is not None


def test_a_folder_in_its_place_is_an_error_with_its_path(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(EnvironmentFailure, match="not a regular file"):
        database.open_to_read(path)


def test_no_ledger_is_no_error(path: Path) -> None:
    assert database.open_to_read(path) is None
