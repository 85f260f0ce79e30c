"""Names in fallbacks, aliases and groups that no request can use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowgate.domain import Config
from tests.unit.gateway.conftest import deployment
from tests.unit.gateway.test_preflight import checked

Make = Callable[..., Config]
ROOT = "profiles.balanced.router_settings"
PLACES = {
    "profiles.balanced": "f.yaml:20",
    f"{ROOT}.fallbacks": "f.yaml:22",
    f"{ROOT}.fallbacks.1.big": "f.yaml:24",
    f"{ROOT}.model_group_alias.a": "f.yaml:31",
}


def profile(make: Make, router: dict[str, Any], *models: str, **params: Any) -> Config:
    made = make(profiles={"balanced": {"router_settings": router}}, places=PLACES)
    names = ("big", "small", *models)
    made.litellm_base["model_list"] = [deployment(name, f"openai/embedded-{name}") for name in names]
    made.litellm_base["model_list"][0]["litellm_params"].update(params)  # type: ignore[typeddict-item]
    made.litellm_base["model_list"][0]["model_info"] = {"id": "big-1", "access_groups": ["beta"]}  # type: ignore[typeddict-unknown-key]
    made.litellm_base.pop("router_settings", None)
    return made


GOOD = [
    {"fallbacks": [{"big": ["small"]}]},
    {"fallbacks": [{"corp/embedded-x": ["small"]}]},
    {"fallbacks": [{"big": ["corp/embedded-x"]}]},
    {"fallbacks": [{"*": ["small"]}]},
    {"fallbacks": [{"big-1": ["small"]}]},
    {"fallbacks": [{"big": ["openai/embedded-small"]}]},
    {"fallbacks": [{"big": [{"model": "small"}]}]},
    {"model_group_alias": {"a": "corp/x"}, "fallbacks": [{"a": ["small"]}]},
    {"model_group_alias": {"big": "small", "small": "big"}},
    {"model_group_alias": {"big": "big"}},
    {"model_group_alias": {"a": "b", "b": "small"}},
    {"routing_groups": [{"group_name": "g", "models": ["big"]}], "fallbacks": [{"g": ["small"]}]},
]


@pytest.mark.parametrize("router", GOOD)
def test_names_that_litellm_answers_are_accepted_beside_a_pattern(config: Make, router: dict[str, Any]) -> None:
    assert checked(profile(config, router, "corp/*"))[0] == []


BAD = [
    ({"fallbacks": [{"big": ["smal"]}]}, "'smal'", "'small'"),
    ({"fallbacks": [{"bgi": ["small"]}]}, "'bgi'", "'big'"),
    ({"fallbacks": [{"big": ["corps/x"]}]}, "'corps/x'", "corp/*"),
    ({"fallbacks": [{"big": ["beta"]}]}, "access group", "use big"),
    ({"fallbacks": [{"corp/*": ["small"]}]}, "'corp/*' is a pattern", "'*' for all other models"),
    ({"fallbacks": [{"big": ["corp/*"]}]}, "'corp/*' is a pattern", "corp/NAME"),
    ({"fallbacks": [{"big": ["small"]}, {"big": ["big-1"]}]}, "two lists for big", "write one list"),
    ({"fallbacks": [{"*": ["small"]}], "default_fallbacks": ["big"]}, "two lists for all other", "default_fallbacks"),
    ({"default_fallbacks": ["smal"]}, "'smal'", "'small'"),
    ({"context_window_fallbacks": [{"big": ["smal"]}]}, "'smal'", "'small'"),
    ({"content_policy_fallbacks": [{"big": ["smal"]}]}, "'smal'", "'small'"),
    ({"model_group_alias": {"a": "smal"}}, "'smal'", "'small'"),
    ({"model_group_alias": {"a": {"model": "smal", "hidden": True}}}, "'smal'", "'small'"),
    ({"model_group_alias": {"a": "b", "b": "smal"}}, "'smal'", "'small'"),
    ({"model_group_alias": {"a": "b", "b": "a"}}, "a → b → a", "let one of them name a model"),
    ({"model_group_alias": {"a": "a"}}, "a → a", "let one of them name a model"),
    ({"model_group_alias": {"a": "big-1"}}, "the id 'big-1'", "'big'"),
    ({"model_group_alias": {"a": "corp/*"}}, "the pattern 'corp/*'", "whole name"),
    ({"model_group_alias": {"claude-*": "big"}}, "'claude-*' is no pattern", "write a model of this name"),
    ({"model_group_retry_policy": {"bgi": {}}}, "'bgi'", "'big'"),
    ({"routing_groups": [{"group_name": "g", "models": ["smal"]}]}, "'smal'", "'small'"),
]


@pytest.mark.parametrize(("router", "message", "fix"), BAD)
def test_a_name_that_nothing_answers_is_refused_beside_a_pattern(
    config: Make, router: dict[str, Any], message: str, fix: str
) -> None:
    faults = checked(profile(config, router, "corp/*"))[0]
    assert any(message in fault.what and fix in fault.fix for fault in faults), [(one.what, one.fix) for one in faults]


def test_an_error_names_the_line_of_the_entry_and_of_the_alias(config: Make) -> None:
    router = {"fallbacks": [{"small": []}, {"big": ["smal"]}], "model_group_alias": {"a": "bgi"}}
    assert sorted({fault.place for fault in checked(profile(config, router))[0]}) == ["f.yaml:24", "f.yaml:31"]


@pytest.mark.parametrize(("name", "words"), [("smal", "did you mean 'small'?"), ("gpt-9", "cannot be checked")])
def test_a_pattern_that_matches_everything_leaves_a_warning(config: Make, name: str, words: str) -> None:
    faults, warnings = checked(profile(config, {"fallbacks": [{"big": [name]}]}, "*"))
    assert faults == []
    assert any(f"'{name}'" in one and words in one for one in warnings)


def test_a_name_that_only_litellm_can_know_leaves_a_warning(config: Make) -> None:
    faults, warnings = checked(profile(config, {"fallbacks": [{"big": ["gpt-4o"]}, {"o3": ["small"]}]}, "openai/*"))
    assert (faults, sum("cannot be checked" in one for one in warnings)) == ([], 2)


def test_fallbacks_among_the_parameters_of_a_deployment_are_refused(config: Make) -> None:
    (fault,) = checked(profile(config, {}, fallbacks=["small"]))[0]
    assert ("'litellm_params.fallbacks' of big" in fault.what, fault.fix) == (
        True,
        "router_settings.fallbacks: [{big: [NAME]}]",
    )


def test_an_alias_that_hides_a_model_is_a_warning(config: Make) -> None:
    warnings = checked(profile(config, {"model_group_alias": {"big": "small"}}))[1]
    assert any("requests for big go to small" in one for one in warnings)
