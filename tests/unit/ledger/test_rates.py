from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from flowgate.ledger import database, rates
from tests.unit.ledger.conftest import NOW, entry, record


def ledger(tmp_path: Path, *ages: float, **more: Any) -> sqlite3.Connection:
    """Return a ledger with a request of each age."""
    path = tmp_path / "ledger.sqlite"
    record(path, *(entry(at=NOW - age, **more) for age in ages))
    connection = database.open_to_read(path)
    assert connection is not None
    return connection


def test_only_the_last_minute_counts(tmp_path: Path) -> None:
    found = rates.recent(ledger(tmp_path, 1, 2, 59, 61, 3600), NOW)
    assert (found.requests, found.per_second, sum(found.slices)) == (3, 3 / 60, 3)
    assert (found.slices[0], found.slices[-1]) == (1, 2)


def test_a_failure_counts_and_its_duration_does_not(tmp_path: Path) -> None:
    found = rates.recent(ledger(tmp_path, 1, 2, error="rate_limit", status=429), NOW)
    assert (found.requests, found.failures, found.middle, found.late) == (2, 2, None, None)


def test_percentiles_are_those_of_the_answered_requests(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    record(path, *(entry(at=NOW - 1, seconds=float(number)) for number in range(1, 101)))
    connection = database.open_to_read(path)
    assert connection is not None
    found = rates.recent(connection, NOW)
    assert (found.middle, found.late) == (50.0, 95.0)


def test_a_request_in_progress_has_arrived(tmp_path: Path) -> None:
    assert rates.recent(ledger(tmp_path, 1, seconds=None, status=None), NOW).requests == 1


def test_a_busy_gateway_is_shown_over_a_shorter_time(tmp_path: Path) -> None:
    found = rates.recent(ledger(tmp_path, *(age / 10 for age in range(600))), NOW, most=100)
    assert found.requests == 100
    assert found.seconds == pytest.approx(9.9, abs=0.01)
    assert found.per_second == pytest.approx(10, rel=0.05)
