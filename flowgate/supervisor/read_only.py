"""The supervisor as a step may use it while it looks."""

from __future__ import annotations

from typing import Any

from flowgate.errors import StepContractError
from flowgate.supervisor.client import SupervisorClient


class ReadOnlySupervisor:
    """The part of the supervisor's client that a step may use while it looks."""

    ALLOWED = ("status", "generation", "chosen", "matches", "serving_label", "started")

    def __init__(self, supervisor: SupervisorClient) -> None:
        self._supervisor = supervisor

    def __getattr__(self, name: str) -> Any:
        if name not in self.ALLOWED:
            raise StepContractError(f"a step used supervisor.{name} in its read-only phase")
        return getattr(self._supervisor, name)
