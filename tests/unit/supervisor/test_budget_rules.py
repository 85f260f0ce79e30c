"""When a limit is reached, what is switched because of it, and that no loop is possible."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState
from flowgate.domain.budgets import LIMITS, Budget, Limit, period
from flowgate.supervisor import budget_rules

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
DAY = 86_400.0


def limits(*budgets: Budget) -> list[Limit]:
    return [one for budget in budgets for one in budget.limits()]


def everyday(**more: object) -> list[Limit]:
    return limits(Budget("b", **{"daily_usd": 10.0, **more}))  # type: ignore[arg-type]


class Days:
    """A gateway whose switches happen at once, unless they fail."""

    def __init__(self, *budgets: Budget, profile: str = "quality") -> None:
        self.limits, self.state, self.profile, self.now = limits(*budgets), BudgetState(), profile, NOON
        self.switches: list[str] = []

    def round(self, **spent: float) -> list[str]:
        """Do one round; return what happened."""
        known = {one.id: spent.get(one.budget.name, 0.0) for one in self.limits}
        events = budget_rules.judge(self.state, self.limits, known, self.now)
        events += budget_rules.follow(self.state, self.limits, self.profile)
        if wanted := budget_rules.wanted(self.state, self.limits, self.profile):
            self.switches.append(wanted)
            self.profile = wanted
            events += budget_rules.follow(self.state, self.limits, self.profile)
        self.state = budget_state.parse(budget_state.text(self.state))  # as after a restart
        return [one.what for one in events]


@pytest.mark.parametrize(
    ("spent", "happens"),
    [(0.0, []), (7.99, []), (8.0, ["warned"]), (9.99, ["warned"]), (10.0, ["exhausted"]), (11.0, ["exhausted"])],
)
def test_a_limit_warns_and_is_reached(spent: float, happens: list[str]) -> None:
    state = BudgetState()
    assert [one.what for one in budget_rules.judge(state, everyday(), {"b.daily_usd": spent}, NOON)] == happens
    assert budget_rules.judge(state, everyday(), {"b.daily_usd": spent}, NOON + 1) == []


@pytest.mark.parametrize(
    ("kind", "at", "since", "until"),
    [
        ("daily_usd", "2026-03-31T12:00", "2026-03-31", "2026-04-01"),
        ("requests_per_day", "2026-12-31T23:59", "2026-12-31", "2027-01-01"),
        ("daily_usd", "2026-03-29T01:30", "2026-03-29", "2026-03-30"),
        ("daily_usd", "2026-10-25T00:00", "2026-10-25", "2026-10-26"),
        ("monthly_usd", "2026-03-31T12:00", "2026-03-01", "2026-04-01"),
        ("monthly_usd", "2026-12-01T00:00", "2026-12-01", "2027-01-01"),
        ("monthly_usd", "2028-02-29T23:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_days_and_months_are_those_of_utc(kind: str, at: str, since: str, until: str) -> None:
    found = period(kind, datetime.fromisoformat(f"{at}+00:00").timestamp())
    assert [datetime.fromtimestamp(one, UTC).date().isoformat() for one in found] == [since, until]


def test_a_reached_limit_stays_reached_though_the_ledger_has_lost_its_rows() -> None:
    state = BudgetState()
    budget_rules.judge(state, everyday(), {"b.daily_usd": 10.0}, NOON)
    assert budget_rules.judge(state, everyday(), {"b.daily_usd": 0.0}, NOON + 1) == []
    assert budget_rules.judge(state, everyday(), {}, NOON + 2) == []
    assert state.limits["b.daily_usd"].exhausted


@pytest.mark.parametrize(
    ("later", "after"),
    [
        (everyday(), DAY),
        (everyday(daily_usd=20.0), 1.0),
        (everyday(client="ci"), 1.0),
        (limits(Budget("other", daily_usd=1.0)), 1.0),
        ([], 1.0),
    ],
)
def test_a_limit_ends_with_its_period_and_with_its_config(later: list[Limit], after: float) -> None:
    state = BudgetState()
    budget_rules.judge(state, everyday(), {"b.daily_usd": 10.0}, NOON)
    assert [one.what for one in budget_rules.judge(state, later, {}, NOON + after)][:1] == ["ended"]


def test_a_profile_is_switched_to_and_back() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"))
    assert days.round(b=3) == []
    assert days.round(b=10) == ["exhausted", "switched"]
    assert days.round(b=12) == []
    days.now += DAY
    assert days.round() == ["ended", "switched_back"]
    assert (days.switches, days.round()) == (["cost", "quality"], [])


def test_a_person_who_has_switched_meanwhile_is_not_overruled() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"))
    days.round(b=10)
    days.profile = "balanced"
    assert days.round(b=11) == ["overruled"]
    assert days.round(b=12) == []
    days.now += DAY
    assert days.round() == ["ended"]
    assert (days.profile, days.switches) == ("balanced", ["cost"])


def test_after_a_persons_switch_the_next_day_counts_anew() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"))
    days.round(b=10)
    days.profile = "balanced"
    days.round(b=11)
    days.now += DAY
    days.round()
    assert days.round(b=10) == ["exhausted", "switched"]
    days.now += DAY
    days.round()
    assert days.profile == "balanced"


def test_a_person_may_leave_the_profile_that_was_in_force_anyway() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"), profile="cost")
    assert days.round(b=10) == ["exhausted"]
    days.profile = "quality"
    assert days.round(b=10) == ["overruled"]
    assert days.switches == []


def test_a_profile_that_was_in_force_anyway_stays() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"), profile="cost")
    days.round(b=10)
    days.now += DAY
    assert (days.round(), days.round(), days.switches) == (["ended"], [], [])


def test_of_two_reached_budgets_the_first_one_decides() -> None:
    days = Days(
        Budget("month", monthly_usd=100, then="", profile="free"), Budget("day", daily_usd=10, then="", profile="cost")
    )
    days.now -= 10 * DAY
    assert days.round(day=10, month=50) == ["exhausted", "switched"]
    assert days.round(day=90, month=100) == ["exhausted", "switched"]
    assert days.profile == "free"
    days.now += DAY
    assert days.round(month=101) == ["ended"]
    days.now += 10 * DAY
    assert days.round() == ["ended", "switched_back"]
    assert (days.switches, days.profile) == (["cost", "free", "quality"], "quality")


def test_when_the_first_one_ends_the_second_one_decides() -> None:
    days = Days(
        Budget("day", daily_usd=10, then="", profile="cost"), Budget("month", monthly_usd=100, then="", profile="free")
    )
    days.now -= 10 * DAY
    days.round(day=100, month=100)
    days.now += DAY
    days.round(month=100)
    assert days.switches == ["cost", "free"]
    days.now += 10 * DAY
    days.round()
    assert days.profile == "quality"


def test_a_switch_that_a_killed_supervisor_began_is_its_own() -> None:
    days = Days(Budget("b", daily_usd=10, then="", profile="cost"))
    budget_rules.judge(days.state, days.limits, {"b.daily_usd": 10.0}, days.now)
    assert budget_rules.wanted(days.state, days.limits, "quality") == "cost"
    days.state = budget_state.parse(budget_state.text(days.state))
    days.profile = "cost"
    assert days.round(b=10) == ["switched"]
    days.now += DAY
    assert days.round() == ["ended", "switched_back"]


ROUNDS = st.lists(
    st.tuples(
        st.sampled_from([1.0, 3600.0, DAY]), st.integers(0, 30), st.sampled_from(["", "", "", "quality", "cost", "x"])
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ROUNDS)
def test_no_history_makes_a_loop(rounds: list[tuple[float, int, str]]) -> None:
    days = Days(
        Budget("a", daily_usd=10, then="", profile="cost"),
        Budget("b", monthly_usd=20, then="", profile="free"),
        Budget("c", requests_per_day=5, then="", profile="quality"),
    )
    for seconds, spent, person in rounds:
        days.now += seconds
        days.profile = person or days.profile
        before = len(days.switches)
        days.round(a=spent, b=spent, c=spent)
        for _ in range(4):
            days.round(a=spent, b=spent, c=spent)
        assert len(days.switches) - before <= len(LIMITS)
        settled = list(days.switches)
        days.round(a=spent, b=spent, c=spent)
        assert days.switches == settled


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"version": 2}', '{"version": 1, "limits": {"a": {}}, "switch": null}']
)
def test_a_damaged_file_is_recognized(content: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        budget_state.parse(content)
