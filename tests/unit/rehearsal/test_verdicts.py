"""Verdicts: what was observed, compared with what was promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.rehearsal.comparisons import (
    ANSWERED,
    ATTEMPTS,
    ATTEMPTS_PER_MINUTE,
    BROKEN,
    CANNOT,
    CLIENT_ERROR,
    COOLDOWN,
    FROM_A_VENDOR,
    KEPT,
    LONGEST_WAIT,
    NO_DELAY,
    RETURN,
    TOUCHED,
)
from flowgate.rehearsal.observation import UNASKED, NameObservation, Observation, ObservedRequest
from flowgate.rehearsal.result import PromiseResult
from flowgate.rehearsal.roles import NameCase
from flowgate.rehearsal.scenarios import SCENARIOS, Fault
from flowgate.rehearsal.verdicts import Expectations
from tests.unit.gateway.test_policy import COMMON, compiled

PROMISES = replace(
    compiled(COMMON["reliability"]).promises, retries={"refusal": 3, "429": 0, "timeout": 0}, cooldown_seconds=60.0
)
# Measured on the real proxy: the profile as commonly written, and with the same numbers under `router_settings`.
AS_WRITTEN = [4, 4, 4, 4]
COMPILED = [4, 1, 0, 0]
# Role that answered, and attempts on the primary, if every third request to it fails.
FLAPPING = [
    *(("primary", 1), ("primary", 1), ("secondary", 4), ("primary", 1), ("primary", 1), ("secondary", 1)),
    *(("secondary", 0), ("secondary", 0)),
]


def outage(attempts: list[int], answered_by: str | None = "secondary", slow: float = 9.0) -> Observation:
    """Make an outage in which each request makes so many attempts on the primary; requests with several are slow."""
    requests = [
        ObservedRequest(at * 10.0, slow if count > 1 else 0.04, answered_by, {"primary": count, "secondary": 1})
        for at, count in enumerate(attempts)
    ]
    return Observation(requests, healthy_seconds=0.04)


def results(scenario: str, observed: Observation, expected: Expectations | None = None) -> list[PromiseResult]:
    return (expected or Expectations(PROMISES)).compare(SCENARIOS[scenario], observed)


def verdicts(scenario: str, observed: Observation, expected: Expectations | None = None) -> dict[str, str]:
    return {one["promise"]: one["verdict"] for one in results(scenario, observed, expected)}


def test_an_outage_as_promised_keeps_every_promise() -> None:
    assert [one["verdict"] for one in results("500", outage(COMPILED))] == [KEPT] * 6


def test_the_profile_as_commonly_written_breaks_the_cooldown_and_the_attempts_per_minute() -> None:
    found = verdicts("500", outage(AS_WRITTEN))
    assert {promise for promise, verdict in found.items() if verdict == BROKEN} == {COOLDOWN, ATTEMPTS_PER_MINUTE}


def test_one_attempt_too_many_breaks_a_promise() -> None:
    assert verdicts("500", outage([5, 1, 0, 0]))[ATTEMPTS] == BROKEN


def test_an_unanswered_request_breaks_a_promise_if_a_model_works() -> None:
    assert verdicts("500", outage(COMPILED, answered_by=None))[ANSWERED] == BROKEN


@pytest.mark.parametrize(("answered_by", "verdict"), [(None, KEPT), ("secondary", BROKEN)])
def test_if_both_models_fail_the_client_must_get_an_error(answered_by: str | None, verdict: str) -> None:
    assert verdicts("both", outage([4, 1, 0], answered_by))[CLIENT_ERROR] == verdict


def test_a_slow_answer_during_the_cooldown_breaks_a_promise() -> None:
    slow = [replace(one, seconds=2.0) for one in outage(COMPILED).requests]
    assert verdicts("500", Observation(slow, healthy_seconds=0.04))[NO_DELAY] == BROKEN


def test_an_outage_that_never_reached_the_primary_proves_no_cooldown() -> None:
    assert verdicts("500", outage([0, 0]))[COOLDOWN] == BROKEN


def test_cliproxyapi_plus_may_use_each_account_once_per_attempt() -> None:
    assert verdicts("500", outage([8, 2, 0, 0]), Expectations(PROMISES, upstream_attempts=2))[ATTEMPTS] == KEPT


@pytest.mark.parametrize("scenario", ["hang", "refused"])
def test_cliproxyapi_plus_applies_no_cooldown_to_a_vendor_that_does_not_respond(scenario: str) -> None:
    found = verdicts(scenario, outage([1, 1, 1, 1], slow=0.1), Expectations(PROMISES, upstream_cooldowns=True))
    assert (found[COOLDOWN], BROKEN in found.values()) == (CANNOT, False)
    assert verdicts(scenario, outage([1, 1, 1, 1]))[COOLDOWN] == BROKEN


@pytest.mark.parametrize("scenario", ["hang", "silent"])
@pytest.mark.parametrize("timeout, unknown", [(6000.0, True), (60.0, False)])
def test_without_a_time_out_nothing_is_known_about_a_silent_model(scenario: str, timeout: float, unknown: bool) -> None:
    expected = Expectations(replace(PROMISES, request_timeout=timeout))
    found = set(verdicts(scenario, outage([4, 4, 4]), expected).values())
    assert (found == {CANNOT}) is unknown


@pytest.mark.parametrize(("attempts", "verdict"), [([1, 1, 0], KEPT), ([2, 1, 0], BROKEN)])
def test_a_429_may_not_be_retried_if_the_profile_has_no_retries_for_it(attempts: list[int], verdict: str) -> None:
    assert verdicts("429", outage(attempts))[ATTEMPTS] == verdict


@pytest.mark.parametrize(("retries", "verdict"), [(1, KEPT), (0, BROKEN)])
def test_a_client_may_wait_for_a_retry_after_once_per_promised_retry(retries: int, verdict: str) -> None:
    expected = Expectations(replace(PROMISES, retries={"429": retries}))
    assert verdicts("429-wait", outage([2, 1, 0], slow=61.0), expected)[LONGEST_WAIT] == verdict


def test_no_setting_can_prevent_that_a_stream_breaks_off() -> None:
    found = verdicts("cut", outage([1, 1, 1], answered_by=None))
    assert found[ANSWERED] == CANNOT
    assert BROKEN not in found.values()


@pytest.mark.parametrize(("back", "verdict"), [(69.0, KEPT), (71.0, BROKEN), (None, BROKEN)])
def test_the_primary_must_serve_again_ten_seconds_after_its_cooldown(back: float | None, verdict: str) -> None:
    requests = list(outage(COMPILED).requests)
    if back is not None:
        requests.append(ObservedRequest(50.0 + back - 0.04, 0.04, "primary", {"primary": 1}))
    observed = Observation(requests, healthy_seconds=0.04, fault_ended_at=50.0)
    assert verdicts("recovery", observed)[RETURN] == verdict


def test_promised_times_are_scaled() -> None:
    requests = [*outage(COMPILED, slow=0.9).requests, ObservedRequest(55.0, 0.04, "primary", {"primary": 1})]
    last = results("recovery", Observation(requests, healthy_seconds=0.04, fault_ended_at=40.0, scale=0.1))[-1]
    # 6 s of cooldown and 10 s of slack; observed: 15 s
    assert (last["promise"], last["promised"], last["verdict"]) == (RETURN, "within 16.0 s", KEPT)


def test_a_model_that_fails_now_and_then_may_answer_in_between() -> None:
    requests = [ObservedRequest(float(at), 0.04, by, {"primary": tries}) for at, (by, tries) in enumerate(FLAPPING)]
    assert BROKEN not in verdicts("flap", Observation(requests, healthy_seconds=0.04)).values()


def test_an_observation_without_requests_is_an_error() -> None:
    with pytest.raises(ValueError, match="no request was sent in 500"):
        results("500", Observation([], healthy_seconds=0.1))


def test_every_scenario_that_is_an_outage_has_a_fault() -> None:
    assert [name for name, one in SCENARIOS.items() if not one.faults] == ["healthy", "names", "misuse"]


@pytest.mark.parametrize(
    ("next_models", "healthy", "failing", "verdict"),
    [
        (("small",), "big", "small", "kept"),
        (("small",), "big", "", "broken"),
        (("small",), "big", "other", "broken"),
        (("small",), "", "small", "broken"),
        ((), "big", "", "kept"),
        ((), "big", "small", "broken"),
        (("small",), "", None, "cannot"),
    ],
)
def test_a_name_must_lead_to_its_model_and_then_to_its_fallback(
    next_models: tuple[str, ...], healthy: str, failing: str | None, verdict: str
) -> None:
    found = NameObservation(NameCase("opus", "alias", ("big",), next_models), healthy, failing)
    observed = Observation([ObservedRequest(0.0, 0.1, None, {})], 0.1, names=[found])
    (result,) = results("names", observed)
    assert (result["promise"], result["verdict"]) == ("opus (alias)", verdict)


@pytest.mark.parametrize(
    ("by", "attempts", "verdict"),
    [
        ("primary", {"primary": 1}, "kept"),
        ("secondary", {"secondary": 1}, "broken"),
        ("primary", {"primary": 2}, "broken"),
        (None, {}, "broken"),
    ],
)
def test_mistakes_of_one_client_must_not_harm_others(by: str | None, attempts: dict[str, int], verdict: str) -> None:
    requests = [ObservedRequest(0.0, 0.1, "primary", {"primary": 1}), ObservedRequest(1.0, 0.1, by, attempts)]
    (result,) = results("misuse", Observation(requests, 0.1))
    assert result["verdict"] == verdict
    assert {fault for one in SCENARIOS.values() for fault in one.faults.values()} > {Fault(status=500)}


# --- several deployments, and failures that come too far apart


@pytest.mark.parametrize(
    ("attempts", "deployments", "verdict"), [([2, 2, 2, 1, 0], 1, BROKEN), ([2, 2, 2, 1, 0], 2, KEPT)]
)
def test_the_failures_of_each_deployment_count_by_themselves(
    attempts: list[int], deployments: int, verdict: str
) -> None:
    expected = Expectations(replace(PROMISES, cooldown_after=2), deployments=deployments)
    assert verdicts("500", outage(attempts), expected)[COOLDOWN] == verdict


@pytest.mark.parametrize(
    ("cooldown_seconds", "verdict"), [(5.0, CANNOT), (10.0, CANNOT), (30.0, BROKEN), (60.0, BROKEN)]
)
def test_failures_further_apart_than_a_cooldown_prove_nothing(cooldown_seconds: float, verdict: str) -> None:
    expected = Expectations(replace(PROMISES, cooldown_after=2, cooldown_seconds=cooldown_seconds))
    assert verdicts("500", outage([4, 4, 4, 4]), expected)[COOLDOWN] == verdict


@pytest.mark.parametrize(("count", "verdict"), [(3, KEPT), (1, BROKEN)])
def test_each_attempt_may_take_as_long_as_an_answer(count: int, verdict: str) -> None:
    promised = replace(PROMISES, waits=replace(PROMISES.waits, refused=0.0), retries={})
    request = ObservedRequest(0.0, 1.0, None, {"primary": count, "secondary": count})
    observed = Observation([request], healthy_seconds=0.15)
    assert verdicts("both", observed, Expectations(promised))[LONGEST_WAIT] == verdict


def test_a_client_that_gave_up_after_its_own_patience_proves_nothing() -> None:
    observed = replace(outage([1, 1, 1], answered_by=None, slow=25.0), scale=1.0)
    assert verdicts("hang", observed)["every request is answered"] == "cannot"
    assert verdicts("hang", replace(observed, scale=0.01))["every request is answered"] == "broken"


# --- answers that no vendor gave


def invented(count: int, total: int) -> Observation:
    """Make an observation in which LiteLLM gave so many of the answers without a vendor."""
    made_up = ObservedRequest(0.0, 0.04, None, {}, error=UNASKED, unasked=True)
    asked = ObservedRequest(0.0, 0.04, "primary", {"primary": 1})
    return Observation([made_up] * count + [asked] * (total - count), healthy_seconds=0.04)


@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize("secondary", [True, False])
def test_an_answer_without_a_vendor_breaks_a_promise_in_every_scenario(scenario: str, secondary: bool) -> None:
    first = results(scenario, invented(1, 3), Expectations(PROMISES, has_secondary=secondary))[0]
    assert (first["promise"], first["verdict"], first["promised"]) == (FROM_A_VENDOR, BROKEN, "3 of 3")
    assert first["observed"] == "2 of 3; no vendor gave the other"


def test_no_unknown_setting_excuses_an_answer_without_a_vendor() -> None:
    everything = Expectations(replace(PROMISES, request_timeout=1e9), unknown=dict.fromkeys(TOUCHED, "a setting"))
    assert results("hang", invented(6, 6), everything)[0]["verdict"] == BROKEN


def test_answers_of_vendors_add_no_row() -> None:
    assert FROM_A_VENDOR not in verdicts("healthy", invented(0, 3))
