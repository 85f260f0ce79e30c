"""Reading `budgets`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowgate.domain import Config
from flowgate.domain.budgets import Budget
from flowgate.errors import FlowGateError

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]
PROFILES = "profiles: {balanced: {}, cost: {}}\n"


def test_without_budgets_nothing_is_limited(reads: Reads) -> None:
    assert reads("").budgets == ()


def test_budgets_are_read_in_the_order_of_the_file(reads: Reads) -> None:
    text = "budgets:\n  z: {daily_usd: 2, profile: cost}\n  a: {client: ci, requests_per_day: 5, then: refuse}\n"
    assert reads(text + PROFILES).budgets == (
        Budget("z", daily_usd=2.0, then="", profile="cost"),
        Budget("a", client="ci", requests_per_day=5, then="refuse"),
    )


@pytest.mark.parametrize(
    ("budget", "names"),
    [
        ("{daily_usd: 0}", "daily_usd"),
        ("{daily_usd: -1}", "daily_usd"),
        ("{daily_usd: .nan}", "daily_usd"),
        ("{monthly_usd: .inf}", "monthly_usd"),
        ("{daily_usd: '20'}", "without quotes"),
        ("{daily_usd: $20}", "without $"),
        ("{daily_usd: true}", "daily_usd"),
        ("{daily_usd: [1]}", "daily_usd"),
        ("{requests_per_day: 0}", "requests_per_day"),
        ("{requests_per_day: 1.5}", "requests_per_day"),
        ("{requests_per_day: -3}", "requests_per_day"),
        ("{daily_usd: 1, warn_at: 101}", "warn_at"),
        ("{daily_usd: 1, warn_at: 0}", "warn_at"),
        ("{daily_usd: 1, warn_at: '80%'}", "warn_at"),
        ("{daily_usd: 1, then: stop}", "then"),
        ("{daily_usd: 1, then: refsue}", "refuse"),
        ("{daily_usd: 1, profile: csot}", "did you mean 'cost'"),
        ("{daily_usd: 1, profile: 3}", "profile"),
        ("{daily_usd: 1, then: refuse, profile: cost}", "both"),
        ("{daily_usd: 1, client: 'a b'}", "client"),
        ("{daily_usd: 1, client: 7}", "client"),
        ("{daily_usd: 1, count_subscriptions: 'yes'}", "count_subscriptions"),
        ("{dialy_usd: 1, daily_usd: 1}", "budgets.b.daily_usd"),
        ("{then: refuse}", "limits nothing"),
        ("5", "mapping"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(errors_of: ErrorsOf, budget: str, names: str) -> None:
    [found, *_] = errors_of(f"budgets:\n  b: {budget}\n{PROFILES}")
    assert names in f"{found.what} {found.fix}"
    assert (found.code, found.place.rpartition(":")[2]) == (2, "2")


@pytest.mark.parametrize("key", ["daily_usd: 5", "warn_at: 80", "then: refuse", "profile: cost", "client: ci"])
def test_a_limit_without_a_budgets_name_is_refused(errors_of: ErrorsOf, key: str) -> None:
    [found] = errors_of(f"budgets: {{{key}}}\n{PROFILES}")
    assert "each budget has a name" in found.fix


def test_budgets_need_the_ledger(errors_of: ErrorsOf) -> None:
    [found] = errors_of("ledger: {enabled: false}\nbudgets: {b: {daily_usd: 1}}\n")
    assert "ledger.enabled" in found.what
