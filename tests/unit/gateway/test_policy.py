"""The compiler: a profile as written → the settings of both programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile

COMMON = yaml.safe_load((Path(__file__).parent / "common_profiles.yaml").read_text(encoding="utf-8"))
MODELS = [
    {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_base": "south"}}
    for name in ("router-default", "router-cheap")
]


def compiled(
    profile: dict[str, Any],
    accounts: Mapping[str, int] | None = None,
    own: dict[str, Any] | None = None,
    base: dict[str, Any] | None = None,
) -> Policy:
    def south(entry: dict[str, Any]) -> bool:
        return str(entry["litellm_params"].get("api_base")) == "south"

    return compile_profile(
        {"model_list": MODELS, **(base or {})}, profile, UpstreamAccounts(own or {}, accounts or {}, south)
    )


@pytest.mark.parametrize("profile", COMMON)
def test_numbers_as_commonly_written_end_up_where_they_count(profile: str) -> None:
    made = compiled(COMMON[profile])
    written = COMMON[profile]["litellm_settings"]
    router = made.litellm["router_settings"]
    assert "litellm_settings" not in made.litellm
    assert router["timeout"] == written["request_timeout"]
    assert {key: router[key] for key in written if key != "request_timeout"} == {
        key: value for key, value in written.items() if key != "request_timeout"
    }
    assert any(one.startswith("litellm_settings.allowed_fails → router_settings.allowed_fails") for one in made.changes)


def test_what_stands_in_router_settings_wins_and_that_is_said() -> None:
    made = compiled({"litellm_settings": {"cooldown_time": 9}, "router_settings": {"cooldown_time": 60}})
    assert made.litellm["router_settings"]["cooldown_time"] == 60
    message = (
        "litellm_settings.cooldown_time (9) is left out: router_settings.cooldown_time (60) is written too, and wins"
    )
    assert message in made.changes


def test_a_number_of_the_profile_wins_over_one_of_the_base_wherever_it_stands() -> None:
    made = compiled({"litellm_settings": {"num_retries": 3}}, base={"router_settings": {"num_retries": 1}})
    assert made.litellm["router_settings"]["num_retries"] == 3


def test_the_same_number_in_both_places_stays_in_one_only() -> None:
    both = {"allowed_fails": 1}
    made = compiled({"litellm_settings": both, "router_settings": both})
    assert ("litellm_settings" in made.litellm, made.litellm["router_settings"]) == (False, both)


def test_a_number_of_failures_that_litellm_takes_for_not_set_is_made_to_count() -> None:
    assert compiled({"router_settings": {"allowed_fails": 3}}).litellm["litellm_settings"]["allowed_fails"] == -1
    assert "litellm_settings" not in compiled({"router_settings": {"allowed_fails": 2}}).litellm


def test_a_cooldown_without_a_number_of_failures_gets_one() -> None:
    made = compiled({"router_settings": {"cooldown_time": 60}})
    assert (made.litellm["router_settings"]["allowed_fails"], made.promises.cooldown_after) == (3, 4)


FAILS = "TimeoutErrorAllowedFails"


@pytest.mark.parametrize(("timeout", "window", "counted"), [(120, 60, 0), (60, 60, 0), (50, 60, None), (25, 60, None)])
def test_times_out_that_come_further_apart_than_failures_are_counted_bench_at_once(
    timeout: int, window: int, counted: int | None
) -> None:
    made = compiled({"router_settings": {"timeout": timeout, "cooldown_time": window, "allowed_fails": 1}})
    assert made.litellm["router_settings"].get("allowed_fails_policy", {}).get(FAILS) == counted
    assert any(FAILS in one for one in made.changes) == (counted is not None)


def test_a_policy_of_the_users_own_for_times_out_wins() -> None:
    own = {"timeout": 120, "cooldown_time": 60, "allowed_fails": 1, "allowed_fails_policy": {FAILS: 5}}
    assert compiled({"router_settings": own}).litellm["router_settings"]["allowed_fails_policy"] == {FAILS: 5}


def test_cooldowns_that_the_user_forbids_stay_forbidden() -> None:
    made = compiled({"router_settings": {"cooldown_time": 60, "disable_cooldowns": True}})
    assert (made.promises.cooldown_after, "allowed_fails" in made.litellm["router_settings"]) == (None, False)


@pytest.mark.parametrize("key", ["retry_policy", "allowed_fails_policy", "model_group_retry_policy"])
def test_finer_policies_of_the_users_own_are_left_alone_and_that_is_said(key: str) -> None:
    own: dict[str, Any] = {"router-default": {}} if key.startswith("model") else {"TimeoutErrorRetries": 1}
    made = compiled({"router_settings": {key: own}})
    assert made.litellm["router_settings"][key] == own
    assert any(one.startswith(f"router_settings.{key} is left as it is, and wins over") for one in made.changes)


def test_retries_by_a_policy_are_said_to_reach_nobody_where_the_south_benches() -> None:
    policy = {"router_settings": {"retry_policy": {"InternalServerErrorRetries": 2}}}
    void = "retries that a retry policy of yours asks for reach nobody while CLIProxyAPIPlus benches"
    assert (void in compiled(policy, {"codex": 2}).changes, void in compiled(policy, {"codex": 1}).changes) == (
        True,
        False,
    )


def test_with_one_account_litellm_benches_and_its_retries_reach_the_vendor() -> None:
    made = compiled(COMMON["reliability"], {"codex": 1, "claude": 1})
    assert made.cooldowns_by == "LiteLLM"
    assert made.cliproxy == {
        "disable-cooling": True,
        "request-retry": 0,
        "max-retry-interval": 0,
        "routing": {"strategy": "round-robin"},
    }
    assert made.promises.attempts == made.budget.vendor == 4


def test_with_several_accounts_the_south_rotates_and_litellm_does_not_retry() -> None:
    made = compiled(COMMON["reliability"], {"codex": 2})
    params = [entry["litellm_params"] for entry in made.litellm["model_list"]]
    assert made.cooldowns_by == "CLIProxyAPIPlus"
    assert made.cliproxy["disable-cooling"] is False
    assert [(one["num_retries"], one["cooldown_time"]) for one in params] == [(0, 0), (0, 0)]
    assert (made.promises.attempts, made.budget.vendor, made.budget.whole) == (1, 2, 4)


def test_a_provider_with_one_account_beside_one_with_two_is_told_of() -> None:
    message = compiled(COMMON["reliability"], {"codex": 2, "claude": 1}).changes
    assert [one.partition(";")[0] for one in message if "one account" in one] == ["claude: one account only"]


def test_what_is_asked_elsewhere_keeps_its_retries_when_the_south_benches() -> None:
    elsewhere = {"model_name": "far", "litellm_params": {"model": "openai/far"}}
    made = compiled({"model_list": [*MODELS, elsewhere], **COMMON["reliability"]}, {"codex": 2})
    assert made.litellm["model_list"][-1]["litellm_params"] == {"model": "openai/far"}
    assert made.promises.attempts == 4


@pytest.mark.parametrize(("cooling", "accounts", "bench"), [(True, 2, "LiteLLM"), (False, 1, "CLIProxyAPIPlus")])
def test_who_benches_is_the_users_to_say(cooling: bool, accounts: int, bench: str) -> None:
    made = compiled(COMMON["reliability"], {"codex": accounts}, {"disable-cooling": cooling})
    assert (made.cooldowns_by, made.cliproxy["disable-cooling"]) == (bench, cooling)
    assert "your CLIProxyAPIPlus config says" in made.why


def test_settings_of_the_users_own_in_the_south_win_and_that_is_said() -> None:
    made = compiled({}, {}, {"request-retry": 2, "routing": {"strategy": "fill-first"}})
    assert (made.cliproxy["request-retry"], made.cliproxy["routing"]) == (2, {"strategy": "fill-first"})
    assert "CLIProxyAPIPlus' request-retry: 2 is yours, and wins over 0" in made.changes
    assert "CLIProxyAPIPlus' routing.strategy: fill-first is yours, and wins over round-robin" in made.changes


def test_retries_of_both_programs_multiply_in_the_budget() -> None:
    made = compiled(COMMON["reliability"], {"codex": 2}, {"request-retry": 2, "disable-cooling": True})
    assert (made.budget.north, made.budget.south, made.budget.accounts, made.budget.vendor) == (4, 3, 2, 24)


def test_compiling_changes_nothing_of_what_was_written() -> None:
    before = yaml.safe_dump([MODELS, COMMON])
    compiled(COMMON["reliability"], {"codex": 2})
    assert yaml.safe_dump([MODELS, COMMON]) == before
