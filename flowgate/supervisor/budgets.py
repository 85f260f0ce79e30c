"""Check the budgets against the ledger, away from the requests: once a second, in the supervisor.

What is exhausted is in a file that the workers watch (`request_filter.budgets`); it outlives the supervisor. The
profile is switched by the command `profile set`, as a person would do it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState
from flowgate.domain.budgets import CHOSEN_FILE, BudgetPlan, Limit
from flowgate.errors import FlowGateError
from flowgate.ledger.spending import Spending
from flowgate.supervisor import budget_rules
from flowgate.supervisor.budget_rules import BudgetEvent
from flowgate.system import files, processes
from flowgate.system.clock import Clock

WAITS = (0.0, 10.0, 60.0, 300.0, 900.0)  # before each try to switch


class Command(Protocol):
    """A command that switches the profile."""

    def code(self) -> int | None:
        """Return its exit code; None while it runs."""


class ProfileCommand:
    """`profile set`, as a process of its own. It switches only from the profile that the decision rests on.

    It reads what serves under the lock: a person may have switched since.

    Args:
        config: The config.
        profile: The profile.
        before: The profile that has to serve.
        env: The environment: what the programs in force have.
        log: The supervisor's log, which gets what it prints.
    """

    def __init__(self, config: Path, profile: str, before: str, env: Mapping[str, str], log: Path) -> None:
        code = "import sys; from flowgate.cli.main import main; sys.exit(main())"
        words = ["--config", str(config), "profile", "set", profile, "--if-serving", before]
        argv = [sys.executable, "-P", "-c", code, *words]
        with open(processes.open_log(log), "ab") as out:  # noqa: PTH123 - a descriptor
            self._process = subprocess.Popen(
                argv,
                cwd=config.parent,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def code(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self._process.poll()


class Budgets:
    """The budgets of one runtime folder.

    Args:
        clock: The time.
        start: Starts the command that switches to a profile, from another one.
        report: Takes what happened, and the profile in force.
    """

    def __init__(
        self, clock: Clock, start: Callable[[BudgetPlan, str, str], Command], report: Callable[[BudgetEvent, str], None]
    ) -> None:
        self._clock, self._start, self._report = clock, start, report
        self._plan: BudgetPlan | None = None
        self._limits: list[Limit] = []
        self._spending: Spending | None = None
        self._state = BudgetState()
        self._written: str | None = None
        self._command: Command | None = None
        self._next_try = 0.0
        self._problem = ""

    def check(self, plan: BudgetPlan | None, in_force: str) -> None:
        """Do one round.

        Args:
            plan: The budgets of the program that serves; None for none.
            in_force: The profile that serves.
        """
        if plan != self._plan:
            self._take(plan)
        if plan is None or self._spending is None:
            return
        now = self._clock.wall().timestamp()
        events = budget_rules.judge(self._state, self._limits, self._spent(self._spending, now), now)
        code = self._command.code() if self._command is not None else None
        if code is not None:
            self._command = None
        # A command that has succeeded was in force: where `in_force` is another profile, a person set it since.
        events += budget_rules.follow(self._state, self._limits, in_force, has_switched=code == 0)
        if self._command is None:
            events += budget_rules.keep(self._state, self._limits, in_force, _take_chosen(plan.state))
        wanted = budget_rules.wanted(self._state, self._limits, in_force) if self._command is None else ""
        if wanted:
            events += self._switch(plan, wanted, in_force)
        self._save(plan)
        for event in events:
            self._report(event, in_force)

    def _take(self, plan: BudgetPlan | None) -> None:
        """Begin to follow other budgets; what the file says of them is kept."""
        if self._spending is not None:
            self._spending.close()
        self._plan, self._spending = plan, None
        if plan is None:
            return
        self._limits = [limit for budget in plan.budgets for limit in budget.limits()]
        self._spending = Spending(plan.ledger)
        self._written = None
        try:
            found = files.read_text_or_none(plan.state)
            self._state = budget_state.parse(found) if found else BudgetState()
        except (FlowGateError, ValueError) as error:
            self._state = BudgetState()
            self._report(BudgetEvent("failed", f"{plan.state} is damaged and is written anew: {error}"), "")

    def _spent(self, spending: Spending, now: float) -> dict[str, float]:
        try:
            spent = spending.collect(self._limits, now)
        except FlowGateError as error:
            if not self._problem:
                self._report(BudgetEvent("failed", f"budgets cannot be checked now: {error.what}"), "")
            self._problem = error.what
            return {}
        self._problem = ""
        return {limit.id: spent[limit.id].counted(limit) for limit in self._limits if limit.id in spent}

    def _switch(self, plan: BudgetPlan, wanted: str, in_force: str) -> list[BudgetEvent]:
        switch, now = self._state.switch, self._clock.now()
        if switch is None or (switch.tries and now < self._next_try):
            return []
        if switch.tries >= budget_rules.MOST_TRIES:
            budget_rules.overrule(self._state, self._limits)
            return [BudgetEvent("failed", f"the switch to {wanted} is given up: inv profile.set {wanted}")]
        switch.tries += 1
        self._next_try = now + WAITS[min(switch.tries, len(WAITS) - 1)]
        self._save(plan)  # before the command starts: the next supervisor must know whose switch it is
        try:
            self._command = self._start(plan, wanted, in_force)
        except OSError as error:
            return [BudgetEvent("failed", f"the switch to {wanted} cannot be started: {error.strerror}")]
        again = f" (try {switch.tries} of {budget_rules.MOST_TRIES})" if switch.tries > 1 else ""
        return [BudgetEvent("switching", f"from {in_force} to {wanted}{again}")]

    def _save(self, plan: BudgetPlan) -> None:
        text = budget_state.text(self._state)
        if text == self._written:
            return
        try:
            files.write_atomic(plan.state, text)
        except FlowGateError as error:
            if not self._problem:
                self._report(BudgetEvent("failed", f"{plan.state} cannot be written: {error.what}"), "")
            self._problem = error.what
            return
        self._written = text


def _take_chosen(state: Path) -> str:
    """Return the profile that a person has set since the last check, and forget it; empty if there is none."""
    path = state.with_name(CHOSEN_FILE)
    try:
        chosen = files.read_text_or_none(path)
        if chosen is not None:
            files.delete([path])
    except FlowGateError:
        return ""
    return (chosen or "").strip()
