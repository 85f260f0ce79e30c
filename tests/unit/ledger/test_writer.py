"""Recording off the request path: nothing is lost in silence, and no trouble reaches a request."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowgate.ledger import database, pending
from flowgate.ledger.writer import LedgerWriter
from tests.unit.ledger.conftest import NOW, Row, record, serve, until
from tests.unit.ledger.test_database import make_newer
from tests.unit.ledger.test_store import rows

Make = Callable[..., LedgerWriter[Row]]


def written(path: Path) -> list[tuple[object, ...]]:
    connection = database.open_to_read(path)
    if connection is None:
        return []
    with closing(connection):
        return connection.execute("SELECT seconds, prompt_tokens FROM requests ORDER BY id").fetchall()


def test_nothing_is_touched_before_the_first_request(path: Path, writer: Make) -> None:
    writer().close(1.0)
    assert not path.parent.exists()


def test_requests_are_written_while_others_are_served(path: Path, writer: Make) -> None:
    one = writer()
    for number in range(5):
        serve(one, NOW + number)
    until(lambda: one.state()["written"] == 5)
    assert written(path) == [(0.5, 3)] * 5


def test_a_long_request_is_written_before_it_ends(path: Path, writer: Make) -> None:
    one, row = writer(), Row(at=NOW)
    one.begin(row)
    until(lambda: (None, None) in written(path))
    row |= {"seconds": 9.0, "tokens": 4}
    one.end(row)
    one.close(10.0)
    assert written(path) == [(9.0, 4)]


def test_tokens_that_come_after_the_end_are_added(path: Path, writer: Make) -> None:
    one, row = writer(), Row(at=NOW)
    one.begin(row)
    row["seconds"] = 1.0
    one.end(row)
    until(lambda: one.state()["written"] == 1)
    row["tokens"] = 5
    until(lambda: written(path) == [(1.0, 5)])
    assert rows(path, "SELECT sum(requests), sum(prompt_tokens) FROM hours") == [(1, 5)]


def test_what_waits_is_written_at_the_end(path: Path, writer: Make) -> None:
    one = writer()
    serve(one)
    one.close(10.0)
    assert written(path) == [(0.5, 3)]
    assert rows(path, "SELECT ending FROM runs") == [("closed",)]


def test_refused_requests_are_counted_without_rows(path: Path, writer: Make) -> None:
    one = writer()
    for _ in range(3):
        one.refuse({"at": NOW, "seconds": 0.0})
    one.close(10.0)
    assert written(path) == []
    assert rows(path, "SELECT sum(requests) FROM hours") == [(3,)]


def test_a_full_queue_drops_requests_and_says_so(
    path: Path, writer: Make, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "MAX_WAITING", 3)
    make_newer(path)  # nothing can be written
    one = writer()
    for _ in range(5):
        serve(one)
    one.close(10.0)
    assert one.state()["dropped"] == 5
    assert "3 requests were not recorded" in reports  # at the end; the others at once


def test_a_newer_ledger_is_reported_once_and_left_alone(path: Path, writer: Make, reports: list[str]) -> None:
    make_newer(path)
    before = path.read_bytes()
    one = writer()
    serve(one)
    until(lambda: one.state()["problem"])
    one.close(10.0)
    assert path.read_bytes() == before
    assert [line for line in reports if "newer FlowGate" in line] == [reports[0]]


@pytest.fixture
def full(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that holds the ledger, so that nobody can write."""
    record(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_requests_wait_while_another_process_holds_the_ledger(
    path: Path, writer: Make, full: sqlite3.Connection
) -> None:
    one = writer()
    serve(one)
    serve(one)
    full.execute("ROLLBACK")
    until(lambda: one.state()["written"] == 2)
    assert one.state()["dropped"] == 0


def test_a_damaged_ledger_is_set_aside_and_a_new_one_begun(path: Path, writer: Make, reports: list[str]) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no ledger " * 1000)
    one = writer()
    serve(one)
    until(lambda: one.state()["written"] == 1)
    assert any("set aside" in line or "is damaged" in line for line in reports)
    assert len(list(path.parent.glob("ledger.sqlite.damaged-*"))) == 1
    assert written(path) == [(0.5, 3)]


def test_a_ledger_that_is_deleted_meanwhile_is_begun_anew(path: Path, writer: Make) -> None:
    one = writer()
    serve(one)
    until(lambda: one.state()["written"] == 1)
    for found in path.parent.glob("ledger.sqlite*"):
        found.unlink()
    serve(one)
    until(lambda: one.state()["written"] == 2)
    assert written(path) == [(0.5, 3)]


def test_a_folder_in_its_place_costs_the_records_and_nothing_else(path: Path, writer: Make, reports: list[str]) -> None:
    path.mkdir(parents=True)
    one = writer()
    serve(one)
    until(lambda: one.state()["problem"])
    one.close(10.0)
    assert "not a regular file" in reports[0]
    assert reports[-1] == "1 request was not recorded"


def test_a_row_that_cannot_be_converted_does_not_end_the_recording(path: Path, writer: Make) -> None:
    one = writer()
    serve(one, broken=True)
    until(lambda: one.state()["dropped"] == 1)
    serve(one)
    until(lambda: one.state()["written"] == 1)
