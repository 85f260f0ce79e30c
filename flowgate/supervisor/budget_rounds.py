"""The budgets of the program that serves, checked as a part of the supervisor's regular work."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from flowgate.supervisor.daemon_process import PASSED_ON

if TYPE_CHECKING:
    from flowgate.domain import Program
    from flowgate.domain.budgets import BudgetPlan
    from flowgate.supervisor.budgets import Budgets, ProfileCommand
    from flowgate.supervisor.supervisor import Supervisor


class BudgetRounds:
    """Checks the budgets of one supervisor; without any, nothing is imported for it."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._budgets: Budgets | None = None

    def run(self) -> None:
        """Do one round."""
        program = self._serving()
        if program is None or self._supervisor.leaving:
            return
        if self._budgets is None and program.budgets is not None:
            from flowgate.supervisor.budgets import Budgets

            self._budgets = Budgets(
                self._supervisor.clock, self._start, partial(self._supervisor.journal.write_budget, program.service)
            )
        if self._budgets is not None:
            self._budgets.check(program.budgets, program.labels.get("profile", ""))

    def _serving(self) -> Program | None:
        """Return the program that serves and has a profile."""
        for service, state in self._supervisor.states.items():
            serving = state.serving()
            program = self._supervisor.programs.get((service, serving.number)) if serving else None
            if program is not None and "profile" in program.labels:
                return program
        return None

    def _start(self, plan: BudgetPlan, profile: str, before: str) -> ProfileCommand:
        from flowgate.supervisor.budgets import ProfileCommand

        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        for worker in self._supervisor.workers.values():
            env = {name: value.reveal() for name, value in worker.program.env.items()} | env
        return ProfileCommand(plan.config, profile, before, env, self._supervisor.journal.log_file)
