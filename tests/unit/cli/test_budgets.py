"""What `budgets` prints, and what other commands say about budgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowgate.cli import budgets, profiles, usage
from flowgate.cli.session import Session, open_session
from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState, LimitState, Switch
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway import budgets as planned
from flowgate.system.clock import Clock
from tests.conftest import Workspace
from tests.unit.ledger.conftest import entry, record

Captured = pytest.CaptureFixture[str]


def limited(place: Workspace, text: str, *rows: dict[str, Any]) -> Session:
    """Write budgets into the config and requests of just now into the ledger."""
    place.config.write_text(f"{place.config.read_text()}\nbudgets:\n  b: {{{text}}}\n")
    now = Clock().wall().timestamp()
    if rows:
        record(place.runtime / "ledger.sqlite", *(entry(at=now, **one) for one in rows), now=now)
    return open_session("")


def test_a_table_says_what_was_spent_and_what_is_left(place: Workspace, capsys: Captured) -> None:
    limited(place, "daily_usd: 1.0, requests_per_day: 8", {}, {"price": "subscription"}, {"price": "unknown"})
    assert budgets.show("", "", False) == 0
    printed = capsys.readouterr()
    rows = [line.split() for line in printed.out.splitlines()]
    assert [row[2:7] for row in rows[1:]] == [
        ["daily_usd", "$1.00", "$0.50", "(50", "%)"],
        ["requests_per_day", "8", "3", "(38", "%)"],
    ]
    assert "worth about $0.25" in printed.err
    assert "1 answered request without a known price" in printed.err


@pytest.mark.parametrize(("at", "code"), [("", 0), ("1", 1), ("25", 1), ("26", 0), ("100", 0)])
def test_warn_at_decides_the_exit_code(place: Workspace, at: str, code: int) -> None:
    limited(place, "daily_usd: 1.0", {})
    assert budgets.show("", at, True) == code


@pytest.mark.parametrize("at", ["0", "101", "-1", "80%", "many", "1e1", "9" * 5000])
def test_a_wrong_percentage_is_refused(place: Workspace, at: str) -> None:
    with pytest.raises(UsageError, match="1 to 100"):
        budgets.show("", at, False)


@pytest.mark.parametrize(
    ("limit", "state"), [("daily_usd: 1", "ok"), ("daily_usd: 0.3", "warned"), ("daily_usd: 0.25", "exhausted")]
)
def test_json_has_the_state_of_each_limit(place: Workspace, capsys: Captured, limit: str, state: str) -> None:
    limited(place, limit, {})
    budgets.show("", "", True)
    [found] = json.loads(capsys.readouterr().out)["limits"]
    assert found.keys() == budgets.LimitReport.__annotations__.keys()
    assert (found["state"], found["spent"], found["until"][10:]) == (state, 0.25, "T00:00:00.000Z")


def test_a_switch_of_a_budget_is_told(place: Workspace) -> None:
    session = limited(place, "daily_usd: 0.25, profile: cost", {})
    until = Clock().wall().timestamp() + 9
    limits = {"b.daily_usd": LimitState("", "profile: cost", "", 0.25, until, True, 1.0)}
    text = budget_state.text(BudgetState(limits, Switch("balanced", "balanced", "cost", True)))
    (place.runtime / "budgets.json").write_text(text)
    assert "from balanced to cost" in budgets.exhausted(session)[-1]


def test_without_budgets_there_is_nothing_to_tell(place: Workspace, capsys: Captured) -> None:
    assert budgets.show("", "80", False) == 0
    assert "no budgets" in capsys.readouterr().err
    assert budgets.exhausted(open_session("")) == []


def test_usage_names_an_exhausted_budget(place: Workspace, capsys: Captured) -> None:
    limited(place, "daily_usd: 0.25, then: refuse", {})
    usage.show("", "model", "7d", "", "")
    assert "the budget b is exhausted (daily_usd)" in capsys.readouterr().err


def test_profile_show_states_the_budgets(place: Workspace, capsys: Captured) -> None:
    limited(place, "monthly_usd: 30, then: refuse")
    profiles.show("", "cost", False)
    assert "b: $30.00 a month (UTC) for all requests; warning at 80 %; then refuse" in capsys.readouterr().out


def test_a_budget_of_a_client_that_does_not_exist_is_refused(place: Workspace) -> None:
    session = limited(place, "daily_usd: 1, client: latpop")
    folder = place.runtime.parent / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    client = {"sha256": "0" * 64, "created": "2026-01-01T00:00:00.000Z"}
    (folder / "client-keys.json").write_text(json.dumps({"version": 1, "clients": {"laptop": client}}))
    [found] = planned.faults(session.config)
    assert isinstance(found, UnknownName)
    assert ("laptop" in found.fix, str(place.config) in found.place) == (True, True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}'])
def test_a_damaged_state_file_stops_no_command(place: Workspace, text: str) -> None:
    session = limited(place, "daily_usd: 0.25", {})
    (place.runtime / "budgets.json").write_text(text)
    assert len(budgets.exhausted(session)) == 1


def test_a_budget_of_a_client_where_there_is_none_names_the_command(place: Workspace) -> None:
    [found] = planned.faults(limited(place, "daily_usd: 1, client: ci").config)
    assert "client.add ci" in found.fix
