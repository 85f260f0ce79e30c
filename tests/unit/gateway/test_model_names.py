"""Names that clients may ask for; `tests/live/test_model_names.py` compares with LiteLLM's own router."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.gateway.model_names import ModelNames, own_chain
from tests.unit.gateway.conftest import deployment


def entry(name: str, model: str, **info: Any) -> Any:
    return {**deployment(name, model), "model_info": info}


SETTINGS: Any = {
    "model_list": [
        entry("big", "openai/embedded-big", id="big-1", access_groups=["beta"]),
        entry("small", "openai/embedded-small"),
        entry("corp/*", "openai/corp-*"),
        entry("corp/x*", "openai/fixed"),
        entry("openai/*", "openai/*"),
        entry("ours", "openai/ours", team_id="t", team_public_model_name="public"),
    ],
    "router_settings": {
        "model_group_alias": {
            "claude-opus-5": "big",
            "quiet": {"model": "small", "hidden": True},
            "small": "big",
            "far": "corp/embedded-x",
            "crowd": "both",
            "nowhere": "gone",
        },
        "routing_groups": [{"group_name": "both", "models": ["big", "small"]}],
    },
    "litellm_settings": {"model_alias_map": {"old": "claude-opus-5"}},
}
NAMES = ModelNames(SETTINGS)


@pytest.mark.parametrize(
    ("name", "kind", "models"),
    [
        ("big", "model", ["embedded-big"]),
        ("big-1", "id", ["embedded-big"]),
        ("claude-opus-5", "alias", ["embedded-big"]),
        ("quiet", "alias", ["embedded-small"]),
        ("small", "alias", ["embedded-big"]),
        ("far", "alias", ["corp-embedded-x"]),
        ("crowd", "alias", ["embedded-big", "embedded-small"]),
        ("both", "routing group", ["embedded-big", "embedded-small"]),
        ("corp/y", "pattern", ["corp-y"]),
        ("corp/xy", "pattern", ["fixed"]),
        ("openai/new", "pattern", ["new"]),
        ("gpt-4o", "pattern", ["gpt-4o"]),
        ("public", "team model", ["ours"]),
        ("ours", "model", ["ours"]),
        ("openai/embedded-big", "pattern", ["embedded-big"]),
        ("old", "alias", ["embedded-big"]),
    ],
)
def test_a_name_is_answered_by_the_deployments_that_litellm_chooses(name: str, kind: str, models: list[str]) -> None:
    answer = NAMES.ask(name)
    assert answer is not None
    asked = [one["litellm_params"]["model"].partition("/")[2] for one in answer.deployments]
    assert (answer.kind, asked) == (kind, models)


@pytest.mark.parametrize("name", ["smal", "beta", "corp", "corp/*", "nowhere", "gone", "xcorp/a", "Big", ""])
def test_other_names_are_not_answered(name: str) -> None:
    assert NAMES.ask(name) is None


def test_a_deployments_own_model_is_answered_unless_a_pattern_matches_it() -> None:
    answer = ModelNames({"model_list": SETTINGS["model_list"][:2]}).ask("openai/embedded-small")
    assert answer is not None
    assert (answer.kind, answer.group) == ("deployment", "small")


def test_the_list_of_models_has_neither_hidden_aliases_nor_patterns_nor_models_of_teams() -> None:
    assert NAMES.listed() == ("big", "small", "claude-opus-5", "crowd", "both")


@pytest.mark.parametrize(("blocked", "listed"), [([True], False), ([True, False], True), ([False], True)])
def test_a_model_is_listed_unless_all_its_deployments_are_blocked(blocked: list[bool], listed: bool) -> None:
    made: Any = {"model_list": [entry("big", "openai/b", blocked=one) for one in blocked]}
    assert (ModelNames(made).listed() == ("big",)) == listed


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("corp/*", "corp/x", True),
        ("corp/*", "corp/", True),
        ("a.b/*", "axb/c", False),
        ("claude-*-latest", "claude-opus-latest", True),
        ("claude-*-latest", "claude-opus-latest-2", True),
        ("claude-*-latest", "my-claude-opus-latest", False),
        ("*", "anything at all", True),
        ("a(b)*", "a(b)c", True),
        ("*-mini", "x-mini", True),
        ("*/*", "plain", True),
    ],
)
def test_patterns_match_as_in_litellm(pattern: str, name: str, matches: bool) -> None:
    made: Any = {"model_list": [entry(pattern, "openai/q")]}
    assert (ModelNames(made).resolve(name) is not None) == matches


@pytest.mark.parametrize(("name", "group"), [("a/bx", "a/b*"), ("a/x", "a/*"), ("z", "*"), ("a/xc", "a/*c")])
def test_the_most_specific_pattern_answers(name: str, group: str) -> None:
    made: Any = {"model_list": [entry(one, "openai/q") for one in ("a/*", "a/b*", "*", "a/*c")]}
    answer = ModelNames(made).resolve(name)
    assert answer is not None
    assert answer.group == group


def test_malformed_settings_have_no_names_and_no_error() -> None:
    made: Any = {
        "router_settings": {"model_group_alias": {"a": 1, "b": {}}, "routing_groups": [1, {"models": 2}]},
        "litellm_settings": {"model_alias_map": []},
    }
    assert ModelNames(made).names() == ()


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("big", 1),
        ("openai/big", 1),
        ("corp/big", None),
        ("gpt-4o", 2),
        ("*", None),
        ("gpt-4", None),
        ("openai/*", None),
    ],
)
def test_fallbacks_are_found_with_and_without_the_provider(name: str, chain: int | None) -> None:
    assert own_chain({"big": 1, "openai/gpt-4o": 2, "*": 3}, name) == chain


def test_an_example_of_a_pattern_is_the_first_name_that_the_settings_mention() -> None:
    mentioned = ["big", "corp/xy", "corp/y"]
    assert [NAMES.example(one, mentioned) for one in ("corp/*", "corp/x*")] == ["corp/y", "corp/xy"]
    assert (NAMES.example("corp/*"), NAMES.example("openai/*")) == ("corp/example", "openai/example")
