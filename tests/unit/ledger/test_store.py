"""What is written: rows, attempts, hourly sums; also after a process was killed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flowgate.ledger.entries import Entry, Run
from flowgate.ledger.store import KILLED, Change, Store
from tests.unit.ledger.conftest import NOW, entry, id_of, own_run, record

GONE = Run(7, "cost", "1.0", 2**22 + 5, 1)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_a_request_its_attempts_and_its_hour_are_written(path: Path) -> None:
    one = entry(status=502, error="Timeout")
    record(path, one, entry())
    assert rows(path, "SELECT error, status FROM requests ORDER BY id") == [("Timeout", 502), ("", 200)]
    assert rows(path, "SELECT count(*), sum(number) FROM attempts") == [(2, 2)]
    found = rows(path, "SELECT hour, status, requests, failures, counted, cost FROM hours ORDER BY status")
    assert found == [(NOW / 3600, 200, 1, 0, 1, 0.25), (NOW / 3600, 502, 1, 1, 1, 0.25)]


def test_tokens_that_come_later_move_a_request_to_the_sums_of_its_price(path: Path) -> None:
    early = entry(prompt_tokens=None, cost=None, price="")
    store = record(path, early, close=False)
    late = Entry(early.request._replace(prompt_tokens=10, cost=0.25, price="list"), early.attempts)
    store.write([Change(late, early.request)], [], NOW, 0)
    store.close(NOW, 0)
    assert rows(path, "SELECT price, requests, prompt_tokens FROM hours ORDER BY price") == [
        ("", 0, 0),
        ("list", 1, 10),
    ]
    assert rows(path, "SELECT prompt_tokens FROM requests") == [(10,)]


def test_a_request_in_progress_is_not_in_the_sums(path: Path) -> None:
    record(path, entry(seconds=None))
    assert rows(path, "SELECT count(*) FROM requests") == [(1,)]
    assert rows(path, "SELECT count(*) FROM hours") == [(0,)]


def test_the_next_run_ends_one_that_was_killed_with_its_requests(path: Path) -> None:
    record(path, entry(), entry(at=NOW - 5, seconds=None, status=None), run=GONE, close=False).connection.close()
    record(path, run=own_run(8))
    assert rows(path, "SELECT generation, ending FROM runs ORDER BY generation") == [(7, "killed"), (8, "closed")]
    assert rows(path, "SELECT error, seconds FROM requests WHERE error != ''") == [(KILLED, 5.0)]
    assert rows(path, "SELECT profile, sum(requests), sum(failures) FROM hours GROUP BY 1") == [("cost", 2, 1)]


def test_a_run_that_lives_is_left_alone(path: Path) -> None:
    store = record(path, entry(seconds=None), close=False)
    record(path, run=own_run(2))
    assert rows(path, "SELECT generation, ending FROM runs ORDER BY generation") == [(1, ""), (2, "closed")]
    store.close(NOW, 0)


def test_several_processes_write_to_one_hour(path: Path) -> None:
    stores = [record(path, run=own_run(number), close=False) for number in range(4)]
    for _ in range(5):
        for store in stores:
            store.write([Change(entry())], [], NOW, 0)
    for store in stores:
        store.close(NOW, 0)
    assert rows(path, "SELECT requests FROM hours") == [(20,)]


def test_nothing_is_written_by_halves(path: Path) -> None:
    store = record(path, close=False)
    bad = entry(model=object())
    with pytest.raises(sqlite3.Error):
        store.write([Change(entry()), Change(bad)], [], NOW, 0)
    store.close(NOW, 0)
    assert rows(path, "SELECT count(*) FROM requests") == [(0,)]


def test_a_file_that_was_moved_away_is_noticed(path: Path) -> None:
    store = Store(path, id_of(NOW), own_run(), NOW)
    assert store.is_in_place()
    path.rename(path.with_suffix(".old"))
    assert not store.is_in_place()
    store.connection.close()
