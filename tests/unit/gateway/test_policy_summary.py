"""A policy as sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.gateway import policy_summary
from flowgate.gateway.litellm_declarations import Declarations
from tests.unit.gateway.test_policy import COMMON, compiled


def message(*args: object, **more: object) -> str:
    return "\n".join(policy_summary.describe(compiled(*args, **more)))  # type: ignore[arg-type]


def test_retried_and_other_failures_are_listed() -> None:
    policy = {"num_retries": 2, "retry_policy": {"TimeoutErrorRetries": 0, "RateLimitErrorRetries": 0}}
    retries = (
        "up to 3 attempts on one model per request: 2 retries after a 5xx; no retry after a 429, a time-out, a 401"
    )
    assert retries in message({"router_settings": policy})
    assert "one attempt on one model per request, no retries\n" in message({"router_settings": {"num_retries": 0}})


@pytest.mark.parametrize(
    ("fails", "start"),
    [(0, "its first failed request, for 60 s"), (1, "its second failed request within 60 s, for 60 s")],
)
def test_the_start_of_a_cooldown_is_described(fails: int, start: str) -> None:
    assert start in message({"router_settings": {"allowed_fails": fails, "cooldown_time": 60}})


def test_the_absence_of_cooldowns_is_described() -> None:
    assert "no cooldowns: during an outage every request makes all attempts" in message({})


def test_the_program_that_applies_cooldowns_is_described() -> None:
    assert "CLIProxyAPIPlus applies cooldowns: codex has 2 accounts" in message(COMMON["reliability"], {"codex": 2})


def test_the_limits_of_litellm_are_listed() -> None:
    lines = (policy_summary.NOT_CONTINUED, *policy_summary.LITELLM_LIMITS)
    assert message(COMMON["cost"]).endswith("\n".join(lines))


@pytest.mark.parametrize(
    ("version", "on", "continued"),
    [("1.109.0", True, True), ("1.109.3", False, False), ("1.108.7", True, False), ("", True, False)],
)
def test_a_broken_stream_is_continued_only_where_litellm_can_and_the_setting_is_on(
    version: str, on: bool, continued: bool
) -> None:
    policy = compiled({"router_settings": {"enable_mid_stream_fallback_continuation": on}})
    found = policy_summary.describe(replace(policy, declared=Declarations(version)))
    assert (policy_summary.CONTINUED in found, policy_summary.NOT_CONTINUED in found) == (continued, not continued)


def test_the_limits_of_cliproxyapiplus_are_listed_if_it_applies_cooldowns() -> None:
    assert message(COMMON["cost"], {"codex": 2}).endswith(policy_summary.UPSTREAM_LIMITS[0])


def test_a_timeout_that_starts_a_cooldown_is_described() -> None:
    settings = {"allowed_fails": 1, "cooldown_time": 60, "allowed_fails_policy": None}
    assert "within 60 s or its first time-out, for 60 s" in message({"router_settings": {**settings, "timeout": 120}})
    assert "time-out, for" not in message({"router_settings": {**settings, "timeout": 20}})


def test_the_absence_of_fallbacks_is_described() -> None:
    assert "no model has a fallback; if it fails, the client gets the error" in message({})


@pytest.mark.parametrize(("length", "text"), [(11.5, "11.5 s"), (119, "119 s"), (120, "2 min"), (1084.5, "18 min 4 s")])
def test_durations_are_formatted_for_people(length: float, text: str) -> None:
    assert policy_summary.seconds(length) == text


def test_default_fallbacks_are_those_of_any_other_model() -> None:
    lists = {"fallbacks": [{"router-default": []}], "default_fallbacks": ["router-cheap"]}
    described = message({"router_settings": lists})
    assert "router-default has no fallback; if it fails, the client gets the error\n" in described
    assert "if any other model fails, the request goes to router-cheap\n" in described
