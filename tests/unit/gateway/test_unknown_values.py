"""What cannot be judged while a variable is not set is said to be unknown, and not promised."""

from __future__ import annotations

import pytest

from flowgate.gateway import policy_summary
from tests.unit.gateway.written import policy, text

SETTINGS = [
    *("num_retries", "timeout", "stream_timeout", "cooldown_time", "allowed_fails", "disable_cooldowns"),
    *("max_fallbacks", "routing_strategy", "model_group_alias: {x", "retry_policy: {TimeoutErrorRetries"),
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_whose_variable_is_not_set_is_unknown(setting: str) -> None:
    made = policy(text(f"router_settings: {{{setting}: os.environ/TRIES{'}' if '{' in setting else ''}}}"))
    (first, last) = policy_summary.describe(made)
    assert "is not known: the variable TRIES is not set" in first
    assert last == "nothing is promised until these variables are set"


@pytest.mark.parametrize("params", ["timeout", "num_retries", "cooldown_time", "order", "stream_timeout"])
def test_a_parameter_whose_variable_is_not_set_is_unknown(params: str) -> None:
    (found,) = policy(text(params=f"{params}: os.environ/TRIES")).unknown
    assert found == f"litellm_params.{params} of big is not known: the variable TRIES is not set"


def test_an_unknown_value_of_the_base_that_the_profile_replaces_is_of_no_account() -> None:
    base = "router_settings: {num_retries: os.environ/TRIES}"
    assert policy(text("router_settings: {num_retries: 1}", base=base)).unknown == ()


def test_keys_need_not_be_known() -> None:
    assert policy(text("router_settings: {redis_password: os.environ/P, redis_host: os.environ/H}")).unknown == ()


def test_a_model_that_nothing_depends_on_may_be_unknown() -> None:
    config = text().replace("openai/s}", "azure/s, api_base: os.environ/AZURE}")
    assert policy(config).unknown == ()
