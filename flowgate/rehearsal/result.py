"""The result of a rehearsal as plain data: what the step registers and `inv rehearse --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

VERSION = 1  # grows when a key changes its meaning or is removed


class PromiseResult(TypedDict):
    """One promise in one scenario.

    Attributes:
        verdict: "kept", "broken", or "cannot" if no setting of the two programs could keep the promise.
    """

    scenario: str
    promise: str
    promised: str
    observed: str
    verdict: str


class RequestResult(TypedDict):
    """One request of a client. Times are seconds; `at` counts from the start of the scenario."""

    at: float
    seconds: float
    answered_by: str | None
    attempts: Mapping[str, int]
    error: str
    model: str


class AttemptResult(TypedDict):
    """One attempt that arrived at a fake vendor."""

    at: float
    role: str
    failed: bool


class ScenarioResult(TypedDict):
    """One scenario of one profile.

    Attributes:
        runs: How often it ran: 2 after a repetition.
        fault_ended_at: Seconds since the start of the scenario; None if the fault lasted until its end.
    """

    scenario: str
    description: str
    runs: int
    healthy_seconds: float
    fault_ended_at: float | None
    requests: list[RequestResult]
    attempts: list[AttemptResult]
    promises: list[PromiseResult]


class ProfileResult(TypedDict):
    """The rehearsal of one profile.

    Attributes:
        upstream: The program that ran as CLIProxyAPIPlus.
        gateways: How many gateways were rehearsed together; the promises are of all of them.
        redis: They shared a Redis server.
        roles: Vendor model -> its role.
        omitted_scenarios: Scenario that did not run -> why.
        omitted_settings: Settings that the private copy did not get.
        against: URL of the deployed gateway that was rehearsed; empty for a private copy.
        not_exercised: What of a deployed gateway was not seen from outside -> why.
        promises: The promises of all scenarios.
    """

    profile: str
    seconds: float
    scale: float
    model: str
    roles: Mapping[str, str]
    litellm_only: bool
    upstream: str
    gateways: int
    redis: bool
    omitted_scenarios: Mapping[str, str]
    omitted_settings: list[str]
    against: str
    not_exercised: Mapping[str, str]
    promises: list[PromiseResult]
    scenarios: list[ScenarioResult]


class RehearsalResult(TypedDict):
    """A whole rehearsal; `broken` counts broken promises in all profiles."""

    version: int
    broken: int
    profiles: list[ProfileResult]
