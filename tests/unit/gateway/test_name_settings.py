"""What is added so that a setting of a model holds for all its names."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.gateway.policy import Policy
from tests.unit.gateway.test_policy import compiled

BASE: Any = {
    "model_list": [
        {"model_name": "big", "litellm_params": {"model": "openai/b"}, "model_info": {"id": "big-1"}},
        {"model_name": "small", "litellm_params": {"model": "openai/s"}},
        {"model_name": "corp/*", "litellm_params": {"model": "openai/*"}},
    ]
}


def made(**router: Any) -> Policy:
    return compiled({"router_settings": router}, base=BASE)


def chains(policy: Policy, key: str = "fallbacks") -> dict[str, Any]:
    lists: Any = dict(policy.litellm["router_settings"])[key]
    return {source: targets for entry in lists for source, targets in entry.items()}


@pytest.mark.parametrize("key", ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"])
@pytest.mark.parametrize("alias", ["big", {"model": "big", "hidden": True}, {"model": "big", "hidden": False}])
def test_an_alias_falls_back_like_its_model(key: str, alias: Any) -> None:
    policy = made(**{key: [{"big": ["small"]}], "model_group_alias": {"opus": alias}})
    assert chains(policy, key) == {"opus": ["small"], "big-1": ["small"], "big": ["small"]}
    assert any(one.startswith(f"router_settings.{key}: opus → small is added, as for big") for one in policy.changes)


def test_an_alias_with_fallbacks_of_its_own_keeps_them() -> None:
    policy = made(fallbacks=[{"big": ["small"]}, {"opus": ["corp/x"]}], model_group_alias={"opus": "big"})
    assert chains(policy)["opus"] == ["corp/x"]


def test_an_alias_of_a_patterns_name_falls_back_like_that_name() -> None:
    assert chains(made(fallbacks=[{"corp/x": ["small"]}], model_group_alias={"far": "corp/x"}))["far"] == ["small"]


def test_an_alias_needs_nothing_where_all_models_share_their_fallbacks() -> None:
    policy = made(default_fallbacks=["small"], model_group_alias={"opus": "big"})
    assert "fallbacks" not in policy.litellm["router_settings"]


def test_an_alias_never_falls_back_to_its_own_model() -> None:
    policy = made(default_fallbacks=["big", "small"], model_group_alias={"opus": "big"})
    assert chains(policy) == {"opus": ["small"], "big-1": ["small"]}


def test_the_promises_name_the_alias() -> None:
    found = made(fallbacks=[{"big": ["small"]}], model_group_alias={"opus": "big"}).promises
    assert found.fallbacks["opus"] == ("small",)


def test_a_retry_policy_of_a_model_holds_for_its_alias() -> None:
    policy = made(model_group_retry_policy={"big": {"TimeoutErrorRetries": 0}}, model_group_alias={"opus": "big"})
    assert policy.litellm["router_settings"]["model_group_retry_policy"]["opus"] == {"TimeoutErrorRetries": 0}


@pytest.mark.parametrize(
    ("aliases", "target"),
    [
        ({"a": "b", "b": "big"}, "big"),
        ({"a": "b", "b": "c", "c": "small"}, "small"),
        ({"a": "b", "b": {"model": "corp/x", "hidden": True}}, "corp/x"),
        ({"a": "big", "big": "small"}, "big"),  # LiteLLM uses the model of this name
        ({"a": "b", "b": "a"}, "b"),
    ],
)
def test_an_alias_of_an_alias_names_the_model(aliases: Any, target: str) -> None:
    assert made(model_group_alias=aliases).litellm["router_settings"]["model_group_alias"]["a"] == target


def test_what_litellm_needs_in_an_alias_is_added() -> None:
    policy = made(model_group_alias={"a": {"model": "big"}})
    assert policy.litellm["router_settings"]["model_group_alias"]["a"] == {"model": "big", "hidden": False}
    assert any("a.hidden: false is added" in one for one in policy.changes)


@pytest.mark.parametrize("key", ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"])
def test_each_model_gets_an_entry_of_its_own(key: str) -> None:
    policy = made(**{key: [{"big": ["small"], "corp/x": ["small"]}]})
    lists: Any = dict(policy.litellm["router_settings"])[key]
    assert [list(entry) for entry in lists] == [["big"], ["corp/x"], ["big-1"]]
    assert any("one entry for each model" in one for one in policy.changes)


def test_the_settings_as_written_are_not_changed() -> None:
    router: Any = {"fallbacks": [{"big": ["small"], "small": []}], "model_group_alias": {"a": {"model": "big"}}}
    made(**router)
    assert router == {"fallbacks": [{"big": ["small"], "small": []}], "model_group_alias": {"a": {"model": "big"}}}


def test_waits_and_lengths_count_aliases_and_patterns() -> None:
    far = made(
        num_retries=0, timeout=10, fallbacks=[{"far": ["big"]}, {"big": ["small"]}], model_group_alias={"far": "corp/x"}
    )
    assert (far.promises.length, far.promises.waits.quiet) == (3, 30)
