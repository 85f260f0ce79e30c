"""A result of a rehearsal, as the step makes it."""

from __future__ import annotations

from flowgate.rehearsal.result import AttemptResult, ProfileResult, RehearsalResult, RequestResult, ScenarioResult


def request(at: float, seconds: float, answered_by: str | None, error: str = "", **attempts: int) -> RequestResult:
    return {
        "at": at,
        "seconds": seconds,
        "answered_by": answered_by,
        "attempts": attempts,
        "error": error,
        "model": "big",
    }


def scenario(verdict: str = "kept", fault_ended_at: float | None = None, name: str = "500") -> ScenarioResult:
    requests = [request(0, 0.5, "secondary", primary=2, secondary=1), request(0.5, 0.1, None, "500 <no>", primary=1)]
    return {
        "scenario": name,
        "description": "the primary responds with 500",
        "runs": 1,
        "healthy_seconds": 0.05,
        "fault_ended_at": fault_ended_at,
        "requests": [*requests, request(2.0, 0.1, "primary", primary=1)],
        "attempts": [
            *(AttemptResult(at=at, role="primary", failed=True) for at in (0.1, 0.3, 0.5)),
            AttemptResult(at=0.4, role="secondary", failed=False),
        ],
        "promises": [
            {
                "scenario": name,
                "promise": "cooldown",
                "promised": "within 2 failed requests",
                "observed": "<never>",
                "verdict": verdict,
            }
        ],
    }


def profile(*scenarios: ScenarioResult) -> ProfileResult:
    return {
        "profile": "cost & more",
        "seconds": 31.5,
        "scale": 0.1,
        "model": "router-default",
        "roles": {"big": "primary", "small": "secondary"},
        "litellm_only": False,
        "upstream": "the embedded upstream",
        "gateways": 1,
        "redis": False,
        "omitted_scenarios": {"recovery": "needs a minute"},
        "omitted_settings": [],
        "against": "",
        "not_exercised": {},
        "promises": [promise for one in scenarios for promise in one["promises"]],
        "scenarios": list(scenarios),
    }


def rehearsal(*scenarios: ScenarioResult) -> RehearsalResult:
    one = profile(*scenarios)
    broken = sum(promise["verdict"] == "broken" for promise in one["promises"])
    return {"version": 1, "broken": broken, "profiles": [one]}
