"""What a budget counts: money, requests, and what neither is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain.budgets import Budget
from flowgate.ledger.spending import Spending, Spent
from tests.unit.ledger.conftest import entry, record

NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86_400.0


def spent(path: Path, now: float = NOW, **more: object) -> Spent:
    [limit] = Budget("b", **more).limits()  # type: ignore[arg-type]
    spending = Spending(path)
    try:
        return spending.collect([limit], now)[limit.id]
    finally:
        spending.close()


@pytest.mark.parametrize(
    ("ago", "counts"), [(0, True), (3 * HOUR, True), (12 * HOUR, True), (13 * HOUR, False), (2 * DAY, False)]
)
def test_a_day_is_counted_from_its_beginning(path: Path, ago: float, counts: bool) -> None:
    record(path, entry(at=NOW - ago), now=NOW)
    assert spent(path, daily_usd=1.0).billed == (0.25 if counts else 0.0)


@pytest.mark.parametrize(("ago", "counts"), [(0, True), (10 * DAY, True), (14 * DAY, True), (15 * DAY, False)])
def test_a_month_is_counted_from_its_beginning(path: Path, ago: float, counts: bool) -> None:
    record(path, entry(at=NOW - ago), now=NOW)
    assert spent(path, monthly_usd=1.0).billed == (0.25 if counts else 0.0)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({}, Spent(0.25, 0.0, 1, 0)),
        ({"price": "config"}, Spent(0.25, 0.0, 1, 0)),
        ({"price": "subscription"}, Spent(0.0, 0.25, 1, 0)),
        ({"price": "unknown", "cost": None}, Spent(0.0, 0.0, 1, 1)),
        ({"client": "flowgate"}, Spent(0.25, 0.0, 0, 0)),
        ({"deployment": "", "status": 429, "error": "refused", "cost": None, "price": ""}, Spent()),
        ({"status": 500, "error": "Timeout", "cost": None, "price": ""}, Spent(0.0, 0.0, 1, 0)),
        ({"deployment": "", "status": 200, "cost": None, "price": ""}, Spent(0.0, 0.0, 1, 0)),
    ],
)
def test_what_a_request_counts(path: Path, row: dict[str, Any], found: Spent) -> None:
    record(path, entry(at=NOW - 1, **row), now=NOW)
    assert spent(path, daily_usd=1.0) == found


@pytest.mark.parametrize(("client", "billed"), [("", 0.5), ("codex", 0.25), ("ci", 0.25), ("other", 0.0)])
def test_a_budget_is_about_one_client_or_all(path: Path, client: str, billed: float) -> None:
    record(path, entry(at=NOW - 1), entry(at=NOW - 1, client="ci"), now=NOW)
    assert spent(path, daily_usd=1.0, client=client).billed == billed


def test_worth_counts_if_the_budget_says_so() -> None:
    for counts, amount in ((False, 1.0), (True, 3.0)):
        [limit] = Budget("b", daily_usd=5.0, count_subscriptions=counts).limits()
        assert Spent(1.0, 2.0).counted(limit) == amount


def test_a_missing_ledger_has_seen_nothing(path: Path) -> None:
    assert Spending(path).collect(Budget("b", daily_usd=1.0).limits(), NOW) == {}


def test_what_is_written_later_is_seen_at_once(path: Path) -> None:
    record(path, entry(at=NOW - 5 * HOUR), now=NOW)
    limits, spending = Budget("b", daily_usd=1.0).limits(), Spending(path)
    assert spending.collect(limits, NOW)["b.daily_usd"].billed == 0.25
    record(path, entry(at=NOW - 1), entry(at=NOW - HOUR), now=NOW)
    assert spending.collect(limits, NOW + 1)["b.daily_usd"].billed == 0.75
    spending.close()
