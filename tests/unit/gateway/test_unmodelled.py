"""Tests of settings whose effect is not known: they are named, and nothing that they touch is promised."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import UpstreamSettings
from flowgate.gateway.policy import UpstreamAccounts, compile_profile
from flowgate.gateway.policy_summary import describe
from flowgate.gateway.unmodelled import unmodelled

NONE: UpstreamSettings = {}


def compiled(router: dict[str, Any], params: dict[str, Any] | None = None) -> Any:
    entry = {"model_name": "a", "litellm_params": {"model": "openai/a", **(params or {})}}
    base: Any = {"model_list": [entry], "router_settings": router}
    return compile_profile(base, {}, UpstreamAccounts(NONE, {}, lambda one: False))


@pytest.mark.parametrize(
    ("router", "params", "setting"),
    [
        ({"enable_weighted_failover": True}, {}, "router_settings.enable_weighted_failover"),
        ({"retry_after": 3}, {}, "router_settings.retry_after"),
        ({"retry_policy": {"DefaultRetries": 1}}, {}, "router_settings.retry_policy.DefaultRetries"),
        (
            {"model_group_retry_policy": {"a": {"DefaultRetries": 2}}},
            {},
            "router_settings.model_group_retry_policy.a.DefaultRetries",
        ),
        (
            {"allowed_fails": 1, "allowed_fails_policy": {"RateLimitErrorAllowedFails": 9}},
            {},
            "router_settings.allowed_fails_policy",
        ),
        (
            {"allowed_fails_policy": {"InternalServerErrorAllowedFails": 9}},
            {},
            "router_settings.allowed_fails_policy",
        ),
        ({}, {"max_retries": 2}, "model_list.0.litellm_params.max_retries"),
    ],
)
def test_a_setting_whose_effect_is_not_known_is_named(router: Any, params: Any, setting: str) -> None:
    policy = compiled(router, params)
    assert [one.setting for one in unmodelled(policy.litellm)] == [setting]
    assert any(line.startswith("unknown: ") and f"; {setting} changes it" in line for line in describe(policy))


@pytest.mark.parametrize(
    ("router", "params"),
    [
        ({}, {}),
        ({"enable_weighted_failover": False, "retry_after": 0}, {"max_retries": 0}),
        ({"num_retries": 2, "allowed_fails": 1, "cooldown_time": 30, "timeout": 60}, {"num_retries": 1}),
        ({"retry_policy": {"DefaultRetries": 0, "TimeoutErrorRetries": 2}}, {}),
        ({"allowed_fails": 2, "allowed_fails_policy": {"TimeoutErrorAllowedFails": 0}}, {}),
        ({"allowed_fails": 2, "allowed_fails_policy": {"RateLimitErrorAllowedFails": 2}}, {}),
        ({"disable_cooldowns": True, "allowed_fails_policy": {"RateLimitErrorAllowedFails": 2}}, {}),
    ],
)
def test_what_is_known_is_promised(router: Any, params: Any) -> None:
    assert unmodelled(compiled(router, params).litellm) == []


@pytest.mark.parametrize(
    ("entries", "router"),
    [
        ([("a", {"order": 1}), ("a", {"order": 2})], {}),
        ([("a", {}), ("b", {})], {"fallbacks": [{"a": ["b"]}]}),
    ],
)
def test_a_name_that_leads_to_the_same_model_again_is_named(entries: Any, router: Any) -> None:
    listed = [{"model_name": name, "litellm_params": {"model": "openai/x", **own}} for name, own in entries]
    base: Any = {"model_list": listed, "router_settings": router}
    policy = compile_profile(base, {}, UpstreamAccounts(NONE, {}, lambda one: False))
    assert [one.setting for one in unmodelled(policy.litellm)] == ["model_list (a leads to openai/x 2 times)"]
