"""Attempts of accounts and their limits: what is written, summed up, deleted, and when a limit is reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import pytest

from flowgate.domain.ledger import LedgerFile
from flowgate.ledger import accounts, database, retention
from flowgate.ledger.account_entries import LIMIT, AccountRequest, Collected, QuotaReading
from flowgate.ledger.hours import HOUR_SECONDS
from flowgate.ledger.retention import DAY_SECONDS
from flowgate.ledger.usage import Span
from tests.unit.ledger.conftest import NOW

ALICE = ("alice@example.com", "codex")


def attempt(at: float = NOW, status: int = 200, account: tuple[str, str] = ALICE) -> AccountRequest:
    tokens = (10, 5, 2, 1) if status == 200 else (None, None, None, None)
    return AccountRequest(at, *account, "gpt", status, status != 200, 0.5, 0.1, *tokens)


def reading(used: float, at: float = NOW, resets_at: float | None = NOW + 600, window: str = "5h") -> QuotaReading:
    return QuotaReading(*ALICE, "gpt" if window == LIMIT else "", window, at, used, resets_at)


@pytest.fixture
def ledger(path: Path) -> Iterator[Connection]:
    """An open ledger."""
    with closing(database.open_to_write(path)) as connection:
        yield connection


def put(ledger: Connection, *requests: AccountRequest) -> None:
    accounts.write(ledger, Collected(requests), 80)


def levels(ledger: Connection, *readings: QuotaReading) -> list[bool]:
    """Write readings; return of each that is reported whether the limit is exhausted."""
    found = [accounts.write(ledger, Collected((), (one,)), 80) for one in readings]
    return [rise.exhausted for rises in found for rise in rises]


def test_attempts_are_summed_up_by_account(ledger: Connection) -> None:
    put(ledger, attempt(), attempt(NOW + 1), attempt(NOW + 2, 429), attempt(account=("bob", "kimi")))
    found = accounts.collect(ledger, Span(NOW, NOW + HOUR_SECONDS))
    assert {name: (one.sums.requests, one.sums.failures) for name, one in found.items()} == {
        "codex alice@example.com": (3, 1),
        "kimi bob": (1, 0),
    }
    assert (found["codex alice@example.com"].sums.prompt_tokens, found["kimi bob"].sums.completion_tokens) == (20, 5)


def test_sums_of_an_hour_are_added_up_over_batches(ledger: Connection) -> None:
    put(ledger, attempt())
    put(ledger, attempt(NOW + 1))
    assert ledger.execute("SELECT requests, failures FROM account_hours").fetchall() == [(2, 0)]


def test_a_span_inside_an_hour_is_counted_to_the_second(ledger: Connection) -> None:
    put(ledger, *(attempt(NOW + minute * 60) for minute in range(-90, 90)))
    found = accounts.collect(ledger, Span(NOW - 1800, NOW + 600))
    assert found["codex alice@example.com"].sums.requests == 40


def test_sums_outlive_the_rows(ledger: Connection, path: Path) -> None:
    put(ledger, attempt(NOW), attempt(NOW + 5 * DAY_SECONDS))
    while retention.step(ledger, LedgerFile(path, 2, 500), NOW + 5 * DAY_SECONDS):
        pass
    assert ledger.execute("SELECT count(*) FROM account_requests").fetchone() == (1,)
    found = accounts.collect(ledger, Span(NOW, NOW + HOUR_SECONDS))
    assert found["codex alice@example.com"].sums.requests == 1


def test_a_limit_is_reported_once_when_it_comes_near_and_once_when_it_is_reached(ledger: Connection) -> None:
    assert levels(ledger, *map(reading, (10, 79.9, 80, 85, 100, 100))) == [False, True]


def test_the_next_window_is_reported_again(ledger: Connection) -> None:
    assert levels(ledger, reading(90), reading(91, at=NOW + 700, resets_at=NOW + 1300)) == [False, False]


def test_an_older_reading_changes_nothing(ledger: Connection) -> None:
    assert levels(ledger, reading(10), reading(95, at=NOW - 5)) == []
    assert [one.used for one in accounts.quotas(ledger)] == [10]


def test_an_answer_lifts_the_limit_that_a_refusal_has_shown(ledger: Connection) -> None:
    levels(ledger, reading(100, window=LIMIT), reading(50))
    put(ledger, attempt(NOW + 5))
    assert [one.window for one in accounts.quotas(ledger)] == ["5h"]


def test_everything_is_left_once_the_window_has_ended() -> None:
    assert [reading(90).left(now) for now in (NOW, NOW + 601)] == [10, 100]
    assert reading(90, resets_at=None).left(NOW + 1e9) == 10
