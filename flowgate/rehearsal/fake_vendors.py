"""The fake vendors of a rehearsal: one process that serves every vendor model and fails on request."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from flowgate.errors import CheckFailed
from flowgate.rehearsal.config import vendor_model
from flowgate.rehearsal.observation import Attempt
from flowgate.rehearsal.roles import ROLES, Roles
from flowgate.rehearsal.scenarios import Fault, Scenario
from flowgate.system.http import Http


class FakeVendors:
    """Client of the process that runs as all vendors. Scenarios run side by side; each has models of its own there."""

    def __init__(self, http: Http, url: str, roles: Roles, scale: float) -> None:
        self._http, self.url, self._roles, self._scale = http, url, roles, scale
        self._faults: dict[str, dict[str, object]] = {}
        self._lock = threading.Lock()

    def models(self, role: str) -> list[str]:
        """Return the vendor models with a role."""
        return self._roles.models(role)

    def set_faults(self, scenario: Scenario) -> None:
        """Start the faults of a scenario."""
        with self._lock:
            for role, fault in scenario.faults.items():
                self._set(scenario, self._roles.models(role) if not fault.refuses else (), fault)
            self._send()

    def fail(self, scenario: Scenario, models: Iterable[str], fault: Fault) -> None:
        """Let models of a scenario fail."""
        with self._lock:
            self._set(scenario, models, fault)
            self._send()

    def _set(self, scenario: Scenario, models: Iterable[str], fault: Fault) -> None:
        for model in models:
            self._faults[self._prefix(scenario) + model] = fault_body(fault, self._scale)

    def clear_faults(self, scenario: Scenario) -> None:
        """End the faults of a scenario."""
        with self._lock:
            names = [name for name in self._faults if name.startswith(self._prefix(scenario))]
            for name in names:
                del self._faults[name]
            if names:
                self._send()

    def _prefix(self, scenario: Scenario) -> str:
        """Return what the names of a scenario's models begin with."""
        return vendor_model(scenario.name, "")

    def _send(self) -> None:
        body = json.dumps(self._faults).encode()
        headers = {"content-type": "application/json"}
        response = self._http.request("PUT", f"{self.url}/embedded/faults", body, headers=headers)
        if not response.ok:
            raise CheckFailed(f"the fake vendors rejected the faults: {response.status} {response.text[:200]}")

    def attempts(self, scenario: Scenario, since: float) -> list[Attempt]:
        """Return the attempts that arrived for a scenario, in the order of arrival.

        Args:
            scenario: The scenario.
            since: Start of the scenario, in seconds since 1970.
        """
        rows = self._http.get(f"{self.url}/embedded/requests").json()["requests"]
        prefix = self._prefix(scenario)
        own = [row for row in rows if str(row["model"]).startswith(prefix) and float(row["at"]) >= since]
        return [self._attempt(row, str(row["model"]).removeprefix(prefix), since) for row in own]

    def _attempt(self, row: Mapping[str, Any], model: str, since: float) -> Attempt:
        role = self._roles.by_model.get(model, ROLES[-1])
        return Attempt(float(row["at"]) - since, role, bool(row["failed"]), model)


def fault_body(fault: Fault, scale: float) -> dict[str, object]:
    """Return a fault as the fake vendors take it, with a scaled Retry-After of at least one second."""
    body = {name: value for name, value in asdict(fault).items() if value and name != "refuses"}
    if fault.retry_after:
        body["retry_after"] = max(1, round(fault.retry_after * scale))
    return body
