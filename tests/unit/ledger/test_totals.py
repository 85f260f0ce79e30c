"""Totals only grow: over retention, over reads, and with more names than have totals of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flowgate.domain.ledger import LedgerFile
from flowgate.errors import EnvironmentFailure
from flowgate.ledger import retention
from flowgate.ledger.database import open_to_write
from flowgate.ledger.totals import OTHER, Source, TotalsReader, Who
from tests.unit.ledger.conftest import NOW, entry, record

HOUR = 3600.0
ASKED = Who("m", "codex", "balanced", 200)


def test_sums_of_old_and_new_hours_are_added_up(path: Path) -> None:
    record(path, entry(), entry(at=NOW + 5 * HOUR), entry(at=NOW + 5 * HOUR, price="subscription"))
    found = TotalsReader().collect(path, NOW + 5 * HOUR)
    one = found.of[ASKED]
    assert (one.requests, one.prompt_tokens, one.billed, one.worth) == (3, 30, 0.5, 0.25)
    assert sum(found.latency[Source("m", "balanced")].values()) == 3


def test_a_request_of_a_settled_hour_is_seen_after_some_minutes(path: Path) -> None:
    reader, later = TotalsReader(), NOW + 5 * HOUR
    record(path, entry())
    assert reader.collect(path, later).of[ASKED].requests == 1
    record(path, entry(at=NOW + 1))
    assert reader.collect(path, later + 1).of[ASKED].requests == 1
    assert reader.collect(path, later + 301).of[ASKED].requests == 2


def test_deleted_requests_still_count(path: Path) -> None:
    record(path, entry())
    with open_to_write(path) as connection:
        while retention.step(connection, LedgerFile(path, 1, 500), NOW + 40 * 86_400):
            pass
    assert TotalsReader().collect(path, NOW + 40 * 86_400).of[ASKED].requests == 1


def test_the_year_begins_at_zero(path: Path) -> None:
    reader, year = TotalsReader(), datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    record(path, entry(at=year - 1))
    assert reader.collect(path, year - 0.5).of[ASKED].requests == 1
    assert ASKED not in reader.collect(path, year + 1).of
    record(path, entry(at=year + 1))
    assert reader.collect(path, year + 2).of[ASKED].requests == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_the_first_names_keep_their_totals_and_the_others_are_one(path: Path, restarted: bool) -> None:
    reader = TotalsReader(2, 1)
    record(path, *(entry(at=NOW + number * HOUR, model=f"m{9 - number}") for number in range(2)))
    reader.collect(path, NOW + HOUR)
    record(path, *(entry(at=NOW + number * HOUR, model=f"m{9 - number}") for number in range(2, 9)))
    reader = TotalsReader(2, 1) if restarted else reader
    found = reader.collect(path, NOW + 20 * HOUR)
    assert {who.model: one.requests for who, one in found.of.items()} == {"m9": 1, "m8": 1, OTHER: 7}
    assert {source.model: sum(one.values()) for source, one in found.latency.items()} == {"m9": 1, OTHER: 8}


def test_days_that_grow_old_are_counted_once(path: Path) -> None:
    reader = TotalsReader()
    for day in range(5):
        record(path, entry(at=NOW + day * 24 * HOUR))
        found = reader.collect(path, NOW + day * 24 * HOUR + 1)
        assert found.of[ASKED].requests == day + 1
        assert sum(found.latency[Source("m", "balanced")].values()) == day + 1


def test_a_new_ledger_begins_at_zero(path: Path) -> None:
    reader, later = TotalsReader(), NOW + 72 * HOUR
    record(path, entry(), entry(at=NOW + 1))
    assert reader.collect(path, later).of[ASKED].requests == 2
    path.rename(path.with_name("aside"))
    record(path, entry())
    assert reader.collect(path, later + 1).of[ASKED].requests == 1


def test_without_a_ledger_there_are_no_totals(path: Path) -> None:
    assert not TotalsReader().collect(path, NOW).of


def test_a_damaged_ledger_is_an_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"x" * 5000)
    with pytest.raises(EnvironmentFailure):
        TotalsReader().collect(path, NOW)
