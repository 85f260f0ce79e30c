"""Old requests go in small steps, hourly sums stay, and the space is given back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain.ledger import LedgerFile
from flowgate.ledger import retention
from flowgate.ledger.entries import Run
from tests.unit.ledger.conftest import NOW, entry, own_run, record
from tests.unit.ledger.test_store import rows

DAY = 86_400.0


def clean(path: Path, keep_days: int, max_mb: int) -> int:
    store = record(path, run=own_run(2), close=False)
    steps = 1
    while retention.step(store.connection, LedgerFile(path, keep_days, max_mb), NOW):
        steps += 1
    store.close(NOW, 0)
    return steps


def test_requests_older_than_the_limit_go_and_their_sums_stay(path: Path) -> None:
    record(path, entry(at=NOW - 10 * DAY), entry(at=NOW - DAY))
    clean(path, keep_days=5, max_mb=500)
    assert rows(path, "SELECT at FROM requests") == [(NOW - DAY,)]
    assert rows(path, "SELECT count(*) FROM attempts") == [(1,)]
    assert rows(path, "SELECT sum(requests) FROM hours") == [(2,)]


def test_sums_of_more_than_three_years_go(path: Path) -> None:
    record(path, entry(at=NOW - 1200 * DAY), entry(at=NOW))
    clean(path, keep_days=5, max_mb=500)
    assert rows(path, "SELECT sum(requests) FROM hours") == [(1,)]


def test_the_oldest_go_when_the_file_is_too_large_and_it_shrinks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MB", 10_000)
    record(path, *(entry(at=NOW - 5000 + number, path="/" + "x" * 190) for number in range(4000)))
    before = path.stat().st_size
    assert clean(path, keep_days=90, max_mb=50) > 2
    [(kept, oldest)] = rows(path, "SELECT count(*), min(at) FROM requests")
    assert 0 < int(str(kept)) < 4000
    assert float(str(oldest)) > NOW - 5000
    assert path.stat().st_size < before / 2


def test_a_limit_below_the_sums_alone_ends(path: Path) -> None:
    record(path, entry(), run=Run(1, "p", "", 1, 1))
    assert clean(path, keep_days=90, max_mb=0) < 10
    assert rows(path, "SELECT count(*) FROM requests") == [(0,)]


def test_a_writer_cleans_by_itself(path: Path, writer: Callable[..., object]) -> None:
    from tests.unit.ledger.conftest import serve, until

    record(path, entry(at=NOW - 10 * DAY))
    one = writer(keep_days=1)
    serve(one, at=4_000_000_000.0)  # type: ignore[arg-type]
    until(lambda: rows(path, "SELECT at FROM requests") == [(4_000_000_000.0,)])
