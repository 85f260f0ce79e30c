"""The model of many gateways: it agrees with what was measured, and its page shows its answers."""

from __future__ import annotations

import pytest

from dev.scale import accounts, checks, page, questions, results
from dev.scale.accounts import Pool
from dev.scale.figures import Assumed, Figures
from dev.scale.model import Fleet, Setting
from tests.conftest import CHECKOUT

ALLOWED_ERROR = 0.15


@pytest.mark.parametrize("measured", checks.MEASURED, ids=lambda one: f"{one.clients} clients, {one.rate:g} a second")
def test_the_model_agrees_with_a_measured_setting(measured: checks.Measured) -> None:
    assert abs(checks.check(measured).error) < ALLOWED_ERROR


def test_two_settings_at_least_were_not_used_for_its_figures() -> None:
    assert sum(not one.calibrated for one in checks.MEASURED) >= 2


def test_the_page_and_its_pictures_show_the_answers() -> None:
    stale = [name for name, text in page.files(results.read()).items() if (CHECKOUT / name).read_text() != text]
    assert stale == [], "run `python -m dev.scale --page-only`"


def test_the_written_answers_are_those_of_this_model() -> None:
    found = results.read()
    assert questions.size(questions.SIZES[0]) == found.sizes[0]
    assert [accounts.day(pool) for pool in accounts.POOLS[:1]] == found.days[:1]
    assert checks.run() == found.checks


def fleet(setting: Setting, rate: float, seconds: float) -> Fleet:
    """Run plain requests at random times."""
    found = Fleet(setting, Figures(), Assumed())
    found.environment.process(found.open_clients(lambda _: rate, rate, mixed=False))
    found.environment.run(until=seconds)
    return found


def test_two_workers_serve_what_one_cannot() -> None:
    one, two = (fleet(Setting(workers=number), 100.0, 30.0).seen.answered for number in (1, 2))
    assert one < 2_600 < 2_900 < two


def test_a_bound_refuses_and_keeps_the_others_fast() -> None:
    bounded, free = (fleet(Setting(workers=1, limit=limit), 150.0, 20.0).seen for limit in (10, 0))
    assert bounded.refused > 0 == free.refused
    assert max(took for _, took in bounded.added) < 1.0 < max(took for _, took in free.added)


def test_a_dead_primary_is_asked_twice_by_each_worker_before_its_cooldown() -> None:
    found = Fleet(Setting(workers=3), Figures(), Assumed())
    found.is_down = lambda now: True
    found.environment.process(found.open_clients(lambda _: 2.0, 2.0, mixed=False))
    found.environment.run(until=30.0)
    assert 6 <= sum(found.seen.dead_attempts.values()) <= 9


def test_a_shared_cooldown_is_kept_by_workers_that_saw_no_failure() -> None:
    def attempts(*, shared: bool) -> int:
        found = Fleet(Setting(workers=20, shares_cooldowns=shared), Figures(), Assumed())
        found.is_down = lambda now: True
        found.environment.process(found.open_clients(lambda _: 2.0, 2.0, mixed=False))
        found.environment.run(until=50.0)
        return sum(found.seen.dead_attempts.values())

    assert attempts(shared=True) < attempts(shared=False) / 2


@pytest.mark.parametrize("fills_first", [False, True])
def test_enough_accounts_never_run_out(fills_first: bool) -> None:
    assert accounts.day(Pool(40, rate=100.0, fills_first=fills_first)).without_account == 0


def test_no_account_answers_nothing() -> None:
    assert accounts.day(Pool(0, rate=100.0)).without_account == 1


def test_a_quota_is_given_again_after_its_window() -> None:
    used = accounts.day(Pool(1, quota=10, window_hours=6.0, rate=100.0))
    assert 30 <= used.requests * (1 - used.without_account) <= 41
