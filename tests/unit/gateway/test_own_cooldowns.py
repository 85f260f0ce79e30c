"""Tests of cooldown settings of single deployments: what is promised of their models."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import UpstreamSettings
from flowgate.gateway.own_cooldowns import OwnCooldown, own_cooldowns
from flowgate.gateway.policy import UpstreamAccounts, compile_profile
from flowgate.gateway.policy_summary import describe

UPSTREAM: UpstreamSettings = {}


def entry(params: dict[str, Any], info: dict[str, Any], name: str = "a") -> dict[str, Any]:
    return {"model_name": name, "litellm_params": {"model": "openai/a", **params}, "model_info": info}


@pytest.mark.parametrize(
    ("params", "info", "found"),
    [
        ({}, {}, None),
        ({"cooldown_time": 30}, {}, OwnCooldown(30.0)),
        ({}, {"cooldown_time": 7}, OwnCooldown(7.0)),
        ({"cooldown_time": 30}, {"cooldown_time": 7}, OwnCooldown(7.0)),
        ({"cooldown_time": 0}, {}, OwnCooldown(0.0)),
        ({"cooldown_time": True}, {}, None),
        ({}, {"allowed_fails": 2}, OwnCooldown(None, "model_info.allowed_fails")),
        ({}, {"allowed_fails": 0}, OwnCooldown(None, "model_info.allowed_fails")),
        ({"allowed_fails": 2}, {}, None),
        (
            {"cooldown_time": 9},
            {"allowed_fails": 2, "allowed_fails_policy": {"RateLimitErrorAllowedFails": 1}},
            OwnCooldown(9.0, "model_info.allowed_fails_policy"),
        ),
    ],
)
def test_settings_of_a_deployment_are_found(params: Any, info: Any, found: OwnCooldown | None) -> None:
    made: Any = {"model_list": [entry(params, info)]}
    assert own_cooldowns(made) == ({"a": found} if found else {})


@pytest.mark.parametrize(
    ("params", "info", "sentence"),
    [
        ({"cooldown_time": 30}, {}, "a stays in cooldown for 30 s (its own cooldown_time), whatever the vendor's"),
        ({"cooldown_time": 0}, {}, "a never goes into cooldown: its own cooldown_time is 0"),
        ({}, {"allowed_fails": 1}, "unknown: when a goes into cooldown; model_info.allowed_fails of its deployments"),
    ],
)
@pytest.mark.parametrize("router", [{}, {"allowed_fails": 1, "cooldown_time": 60}])
def test_what_is_promised_names_them(params: Any, info: Any, sentence: str, router: Any) -> None:
    base: Any = {"model_list": [entry(params, info), entry({}, {}, "b")], "router_settings": router}
    lines = describe(compile_profile(base, {}, UpstreamAccounts(UPSTREAM, {}, lambda one: False)))
    stated = any(line.startswith(sentence) for line in lines)
    assert stated is bool(router or info or not params["cooldown_time"])


def test_a_minute_has_as_many_attempts_as_its_own_cooldowns_allow() -> None:
    base: Any = {
        "model_list": [entry({"cooldown_time": 30}, {}), entry({}, {}, "b")],
        "router_settings": {"allowed_fails": 0, "cooldown_time": 60, "num_retries": 0},
    }
    lines = describe(compile_profile(base, {}, UpstreamAccounts(UPSTREAM, {}, lambda one: False)))
    assert any("says: at most 2 attempts per minute" in line for line in lines)
