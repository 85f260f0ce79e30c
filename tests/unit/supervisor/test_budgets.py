"""The supervisor's rounds: what is written, when a command is started, and what a restart finds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import budget_state
from flowgate.domain.budgets import CHOSEN_FILE, Budget, BudgetPlan
from flowgate.supervisor.budget_rules import MOST_TRIES, BudgetEvent
from flowgate.supervisor.budget_tree import budgets_from_tree, to_budget_tree
from flowgate.supervisor.budgets import Budgets, Command
from flowgate.system.clock import Clock
from tests.unit.ledger.conftest import entry, record

START = datetime(2026, 3, 15, 12, 30, tzinfo=UTC).timestamp()


class Ended:
    """A command that has ended."""

    def code(self) -> int | None:
        """Return 1: it has switched nothing."""
        return 1


class Running:
    """A command that goes on."""

    def code(self) -> int | None:
        """Return None."""
        return None


class Succeeded:
    """A command that has switched the profile."""

    def code(self) -> int | None:
        """Return 0."""
        return 0


class Folder:
    """A runtime folder with a clock, and the supervisors that follow each other in it."""

    def __init__(self, path: Path, *budgets: Budget) -> None:
        self.plan = BudgetPlan(path / "budgets.json", path / "ledger.sqlite", path / "flowgate.yaml", budgets)
        self.now = START
        self.command: Command = Ended()
        self.started: list[str] = []
        self.befores: list[str] = []
        self.events: list[str] = []
        self.restart()

    def restart(self) -> None:
        """Let a new supervisor begin."""
        clock = Clock(now=lambda: self.now, wall=lambda: datetime.fromtimestamp(self.now, UTC))
        self.budgets = Budgets(clock, self._start, self._report)

    def _start(self, plan: BudgetPlan, profile: str, before: str) -> Command:
        self.started.append(profile)
        self.befores.append(before)
        return self.command

    def _report(self, event: BudgetEvent, profile: str) -> None:
        self.events.append(event.what)

    def spend(self, *rows: dict[str, Any]) -> None:
        """Record requests of just now."""
        record(self.plan.ledger, *(entry(at=self.now, **one) for one in rows or [{}]), now=self.now)

    def check(self, profile: str = "quality", seconds: float = 1.0) -> None:
        """Let time pass, and do one round."""
        self.now += seconds
        self.budgets.check(self.plan, profile)


def test_a_jump_of_the_wall_clock_does_not_hurry_the_next_try(tmp_path: Path) -> None:
    folder, wall = Folder(tmp_path, SWITCHES), [START]
    clock = Clock(now=lambda: folder.now, wall=lambda: datetime.fromtimestamp(wall[0], UTC))
    folder.budgets = Budgets(clock, folder._start, folder._report)
    folder.spend()
    folder.check()
    assert folder.started == ["cost"]
    wall[0] += 3600  # the same day, an hour later
    folder.check(seconds=0.5)
    assert folder.started == ["cost"]
    folder.check(seconds=600)
    assert folder.started == ["cost", "cost"]


SWITCHES = Budget("b", daily_usd=0.25, then="", profile="cost")


def test_nothing_is_started_before_a_limit_is_reached(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.check()
    assert (folder.started, folder.events) == ([], [])


def test_the_file_is_private_and_says_what_is_exhausted(tmp_path: Path) -> None:
    folder = Folder(tmp_path, Budget("b", daily_usd=0.25, then="refuse"))
    folder.spend()
    folder.check()
    assert folder.plan.state.stat().st_mode & 0o777 == 0o600
    assert budget_state.parse(folder.plan.state.read_text()).limits["b.daily_usd"].exhausted == folder.now


def test_an_unchanged_state_is_not_written_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path, Budget("b", daily_usd=10))
    folder.check()
    before = folder.plan.state.stat().st_ino
    folder.spend()
    folder.check()
    assert folder.plan.state.stat().st_ino == before


def test_one_command_is_started_and_waited_for(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.command = Running()
    folder.spend()
    for _ in range(100):
        folder.check()
    assert folder.started == ["cost"]


def test_a_switch_that_fails_is_tried_a_few_times(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.spend()
    for _ in range(6000):
        folder.check()
    assert folder.started == ["cost"] * MOST_TRIES
    assert folder.events[-1] == "failed"


def test_a_killed_supervisor_leaves_its_switch_to_the_next_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.spend()
    folder.check()
    folder.restart()
    folder.check("cost")
    assert (folder.started, folder.events[-1]) == (["cost"], "switched")
    folder.restart()
    folder.check("cost", 86_400.0)
    folder.check("quality")
    assert (folder.started, folder.events[-1]) == (["cost", "quality"], "switched_back")


def test_a_person_who_switched_while_no_supervisor_ran_wins(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.spend()
    folder.check()
    folder.check("cost")
    folder.restart()
    folder.check("balanced")
    folder.check("balanced", 86_400.0)
    assert (folder.started, "overruled" in folder.events) == (["cost"], True)


def choose(folder: Folder, profile: str) -> None:
    """Do what `profile set` does for a person."""
    folder.plan.state.with_name(CHOSEN_FILE).write_text(profile)


def switched(path: Path) -> Folder:
    """Return a folder in which a budget has switched to `cost`."""
    folder = Folder(path, SWITCHES)
    folder.spend()
    folder.check()
    folder.check("cost")
    assert folder.events[-1] == "switched"
    return folder


@pytest.mark.parametrize("restarted", [False, True])
def test_a_person_who_sets_the_budgets_profile_keeps_it(tmp_path: Path, restarted: bool) -> None:
    folder = switched(tmp_path)
    choose(folder, "cost")
    if restarted:
        folder.restart()
    folder.check("cost")
    folder.check("cost", 86_400.0)
    folder.check("cost")
    assert (folder.started, folder.events[-2:]) == (["cost"], ["overruled", "ended"])


@pytest.mark.parametrize("chosen", ["quality", "no-such", "", "cost\0"])
def test_another_profile_than_the_one_that_serves_was_not_kept(tmp_path: Path, chosen: str) -> None:
    folder = switched(tmp_path)
    choose(folder, chosen)
    folder.check("cost")
    folder.check("cost", 86_400.0)
    assert folder.started == ["cost", "quality"]


def test_what_a_person_chose_before_the_switch_does_not_count(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    choose(folder, "quality")
    folder.check()
    folder.spend()
    folder.check()
    folder.check("cost")
    assert "overruled" not in folder.events
    assert not folder.plan.state.with_name(CHOSEN_FILE).exists()


def test_a_choice_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    folder = switched(tmp_path)
    folder.plan.state.with_name(CHOSEN_FILE).mkdir()
    folder.check("cost")
    assert "overruled" not in folder.events


@pytest.mark.parametrize("content", ["", "{", "\x00", "[]", "null"])
def test_a_damaged_file_is_written_anew(tmp_path: Path, content: str) -> None:
    folder = Folder(tmp_path, Budget("b", daily_usd=0.25))
    folder.plan.state.write_text(content)
    folder.spend()
    folder.check()
    assert folder.events == [*(["failed"] if content else []), "exhausted"]


def test_a_ledger_that_cannot_be_read_is_reported_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path, Budget("b", daily_usd=0.25))
    folder.plan.ledger.write_bytes(b"no ledger at all" * 100)
    for _ in range(5):
        folder.check()
    assert folder.events == ["failed"]


def test_budgets_pass_through_json(tmp_path: Path) -> None:
    plan = Folder(tmp_path, SWITCHES, Budget("c", client="ci", requests_per_day=3, warn_at=50, then="refuse")).plan
    assert budgets_from_tree(to_budget_tree(plan)) == plan
    assert budgets_from_tree(None) is None


def test_the_command_is_told_from_which_profile_it_may_switch(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.spend()
    folder.check("quality")
    assert (folder.started, folder.befores) == (["cost"], ["quality"])


def test_a_person_who_returns_to_the_profile_before_between_two_rounds_is_not_overruled(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.command = Succeeded()
    folder.spend()
    folder.check("quality")
    for _ in range(100):
        folder.check("quality", seconds=10.0)
    assert (folder.started, folder.events[-1]) == (["cost"], "overruled")


def test_a_person_who_sets_another_profile_first_is_not_overruled(tmp_path: Path) -> None:
    folder = Folder(tmp_path, SWITCHES)
    folder.spend()
    folder.check("quality")
    for _ in range(100):
        folder.check("fast", seconds=10.0)
    assert (folder.started, folder.events[-1]) == (["cost"], "overruled")
