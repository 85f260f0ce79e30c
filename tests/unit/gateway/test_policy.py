"""Compiling a profile to the settings of both programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.domain import Deployment
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile

COMMON = yaml.safe_load((Path(__file__).parent / "common_profiles.yaml").read_text(encoding="utf-8"))
MODELS = [
    {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": "upstream"}}
    for name in ("router-default", "router-cheap")
]


BEFORE, SINCE = "1.108.0", "1.108.1"  # a model without an alternative needs a policy of allowed fails


def compiled(
    profile: Any,
    accounts: Mapping[str, int] | None = None,
    own: Any = None,
    base: dict[str, Any] | None = None,
    version: str = BEFORE,
) -> Policy:
    def serves(entry: Deployment) -> bool:
        return entry["litellm_params"].get("api_base") == "upstream"

    settings: Any = {"model_list": MODELS, **(base or {})}
    own = own or {}
    return compile_profile(settings, profile, UpstreamAccounts(own, accounts or {}, serves), version)


def router_of(policy: Policy) -> dict[str, Any]:
    return dict(policy.litellm["router_settings"])


@pytest.mark.parametrize("profile", COMMON)
def test_settings_as_commonly_written_are_moved_to_the_router(profile: str) -> None:
    made = compiled(COMMON[profile])
    written = COMMON[profile]["litellm_settings"]
    router = router_of(made)
    assert "litellm_settings" not in made.litellm
    assert router["timeout"] == written["request_timeout"]
    assert {key: router[key] for key in written if key != "request_timeout"} == {
        key: value for key, value in written.items() if key != "request_timeout"
    }
    assert any(one.startswith("litellm_settings.allowed_fails → router_settings.allowed_fails") for one in made.changes)


def test_router_settings_have_precedence_and_the_change_is_reported() -> None:
    made = compiled({"litellm_settings": {"cooldown_time": 9}, "router_settings": {"cooldown_time": 60}})
    assert made.litellm["router_settings"]["cooldown_time"] == 60
    message = "litellm_settings.cooldown_time (9) is removed: router_settings.cooldown_time (60) has precedence"
    assert message in made.changes


def test_a_value_of_the_profile_has_precedence_over_the_base_in_any_section() -> None:
    made = compiled({"litellm_settings": {"num_retries": 3}}, base={"router_settings": {"num_retries": 1}})
    assert made.litellm["router_settings"]["num_retries"] == 3


def test_the_same_value_in_both_sections_stays_in_one() -> None:
    both = {"allowed_fails": 1}
    made = compiled({"litellm_settings": both, "router_settings": both})
    assert ("litellm_settings" in made.litellm, made.litellm["router_settings"]) == (False, both)


def test_allowed_fails_that_litellm_treats_as_not_set_becomes_effective() -> None:
    assert compiled({"router_settings": {"allowed_fails": 3}}).litellm["litellm_settings"]["allowed_fails"] == -1
    assert "litellm_settings" not in compiled({"router_settings": {"allowed_fails": 2}}).litellm


def test_a_cooldown_time_without_allowed_fails_gets_a_default() -> None:
    made = compiled({"router_settings": {"cooldown_time": 60}})
    assert (made.litellm["router_settings"]["allowed_fails"], made.promises.cooldown_after) == (3, 4)


FAILS = "TimeoutErrorAllowedFails"


@pytest.mark.parametrize(("timeout", "window", "counted"), [(120, 60, 0), (60, 60, 0), (50, 60, None), (25, 60, None)])
def test_timeouts_longer_than_the_window_start_a_cooldown_at_once(
    timeout: int, window: int, counted: int | None
) -> None:
    made = compiled({"router_settings": {"timeout": timeout, "cooldown_time": window, "allowed_fails": 1}})
    assert made.litellm["router_settings"].get("allowed_fails_policy", {}).get(FAILS) == counted
    assert any(FAILS in one for one in made.changes) == (counted is not None)


def test_a_user_policy_for_timeouts_has_precedence() -> None:
    own = {"timeout": 120, "cooldown_time": 60, "allowed_fails": 1, "allowed_fails_policy": {FAILS: 5}}
    assert compiled({"router_settings": own}).litellm["router_settings"]["allowed_fails_policy"] == {FAILS: 5}


def test_disabled_cooldowns_stay_disabled() -> None:
    made = compiled({"router_settings": {"cooldown_time": 60, "disable_cooldowns": True}})
    assert (made.promises.cooldown_after, "allowed_fails" in made.litellm["router_settings"]) == (None, False)


@pytest.mark.parametrize("key", ["retry_policy", "allowed_fails_policy", "model_group_retry_policy"])
def test_user_policies_are_kept_and_reported(key: str) -> None:
    own: dict[str, Any] = {"router-default": {}} if key.startswith("model") else {"TimeoutErrorRetries": 1}
    made = compiled({"router_settings": {key: own}})
    assert router_of(made)[key] == own
    assert any(one.startswith(f"router_settings.{key} is kept: it has precedence over") for one in made.changes)


def test_retries_of_a_policy_are_reported_as_void_if_the_upstream_applies_cooldowns() -> None:
    policy = {"router_settings": {"retry_policy": {"InternalServerErrorRetries": 2}}}
    void = "the retries of your retry policy reach no vendor, because CLIProxyAPIPlus applies cooldowns"
    assert (void in compiled(policy, {"codex": 2}).changes, void in compiled(policy, {"codex": 1}).changes) == (
        True,
        False,
    )


def test_with_one_account_litellm_applies_cooldowns_and_retries() -> None:
    made = compiled(COMMON["reliability"], {"codex": 1, "claude": 1})
    assert made.cooldowns_by == "LiteLLM"
    assert made.cliproxy == {
        "disable-cooling": True,
        "request-retry": 0,
        "max-retry-interval": 0,
        "routing": {"strategy": "round-robin"},
    }
    assert made.promises.attempts == made.budget.vendor == 4


def test_with_several_accounts_the_upstream_applies_cooldowns_and_litellm_does_not_retry() -> None:
    made = compiled(COMMON["reliability"], {"codex": 2})
    params = [entry["litellm_params"] for entry in made.litellm["model_list"]]
    assert made.cooldowns_by == "CLIProxyAPIPlus"
    assert made.cliproxy["disable-cooling"] is False
    assert [(one.get("num_retries"), one.get("cooldown_time")) for one in params] == [(0, 0), (0, 0)]
    assert (made.promises.attempts, made.budget.vendor, made.budget.whole) == (1, 2, 4)


def test_a_provider_with_one_account_beside_one_with_two_is_reported() -> None:
    message = compiled(COMMON["reliability"], {"codex": 2, "claude": 1}).changes
    assert [one.partition(";")[0] for one in message if "one account" in one] == ["claude: one account only"]


def test_models_of_other_providers_keep_their_retries() -> None:
    elsewhere = {"model_name": "far", "litellm_params": {"model": "openai/far"}}
    made = compiled({"model_list": [*MODELS, elsewhere], **COMMON["reliability"]}, {"codex": 2})
    assert made.litellm["model_list"][-1]["litellm_params"] == {"model": "openai/far"}
    assert made.promises.attempts == 4


@pytest.mark.parametrize(("cooling", "accounts", "program"), [(True, 2, "LiteLLM"), (False, 1, "CLIProxyAPIPlus")])
def test_the_user_can_choose_who_applies_cooldowns(cooling: bool, accounts: int, program: str) -> None:
    made = compiled(COMMON["reliability"], {"codex": accounts}, {"disable-cooling": cooling})
    assert (made.cooldowns_by, made.cliproxy["disable-cooling"]) == (program, cooling)
    assert "your CLIProxyAPIPlus config sets" in made.why


def test_user_settings_of_the_upstream_have_precedence_and_are_reported() -> None:
    made = compiled({}, {}, {"request-retry": 2, "routing": {"strategy": "fill-first"}})
    assert (made.cliproxy["request-retry"], made.cliproxy["routing"]) == (2, {"strategy": "fill-first"})
    assert "CLIProxyAPIPlus' request-retry: your 2 has precedence over 0" in made.changes
    assert "CLIProxyAPIPlus' routing.strategy: your fill-first has precedence over round-robin" in made.changes


def test_the_budget_multiplies_retries_of_both_programs() -> None:
    made = compiled(COMMON["reliability"], {"codex": 2}, {"request-retry": 2, "disable-cooling": True})
    assert (made.budget.north, made.budget.south, made.budget.accounts, made.budget.vendor) == (4, 3, 2, 24)


def test_compiling_does_not_change_its_inputs() -> None:
    before = yaml.safe_dump([MODELS, COMMON])
    compiled(COMMON["reliability"], {"codex": 2})
    assert yaml.safe_dump([MODELS, COMMON]) == before


# --- models that have no alternative

LONE = {"allowed_fails": 1, "cooldown_time": 60}
NAMED = ("InternalServerError", "ServiceUnavailableError", "BadGatewayError", "TimeoutError", "RateLimitError")


def fails_policy(router: dict[str, Any], version: str, **kwargs: Any) -> dict[str, Any]:
    made = compiled({"router_settings": router}, version=version, **kwargs)
    return made.litellm["router_settings"].get("allowed_fails_policy", {})


@pytest.mark.parametrize("version", [SINCE, "1.108.7", "1.109.3", ""])
def test_a_lone_model_goes_into_cooldown_by_a_policy_where_litellm_asks_for_one(version: str) -> None:
    found = fails_policy(LONE, version)
    assert {found[f"{name}AllowedFails"] for name in NAMED} == {1}
    assert not any(name.startswith(("BadRequest", "ContentPolicy")) for name in found)


@pytest.mark.parametrize("version", ["1.106.2", BEFORE])
def test_a_lone_model_needs_no_policy_in_older_releases(version: str) -> None:
    assert fails_policy(LONE, version) == {}


def test_the_users_own_policy_has_precedence_for_the_failures_that_it_names() -> None:
    own = {"RateLimitErrorAllowedFails": 9, "BadRequestErrorAllowedFails": 7}
    found = fails_policy({**LONE, "allowed_fails_policy": own}, SINCE)
    assert own.items() <= found.items()
    assert found["InternalServerErrorAllowedFails"] == 1


@pytest.mark.parametrize(
    "router",
    [
        {"num_retries": 1},
        {**LONE, "disable_cooldowns": True},
        {**LONE, "default_fallbacks": ["router-cheap"]},
        {**LONE, "fallbacks": [{"*": ["router-cheap"]}]},
        {**LONE, "fallbacks": [{"router-default": ["router-cheap"]}, {"router-cheap": ["router-default"]}]},
    ],
)
def test_no_policy_is_added_without_cooldowns_or_if_every_model_has_a_fallback(router: dict[str, Any]) -> None:
    assert fails_policy(router, SINCE) == {}


def test_no_policy_is_added_if_every_model_has_several_deployments() -> None:
    assert fails_policy(LONE, SINCE, base={"model_list": MODELS * 2}) == {}


def test_no_policy_is_added_if_the_upstream_applies_the_cooldowns() -> None:
    assert fails_policy(LONE, SINCE, accounts={"codex": 2}) == {}


def test_the_added_policy_is_reported_with_the_models_and_promises_nothing_else() -> None:
    old, new = (compiled({"router_settings": LONE}, version=one) for one in (BEFORE, SINCE))
    (line,) = set(new.changes) - set(old.changes)
    assert "never puts router-default, router-cheap into cooldown" in line
    assert new.promises == old.promises
