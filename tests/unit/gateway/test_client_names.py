"""`model_names` under a profile: which entry wins, what LiteLLM gets, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from flowgate.domain import Config, LiteLLMSettings, RouterSettings
from flowgate.gateway import client_names, name_patterns, request_rules
from flowgate.gateway.model_names import ModelNames
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile
from flowgate.request_filter.client_names import ClientNames

from .conftest import UPSTREAM, deployment

Make = Callable[..., Config]
NAMES = {
    "*": "last",
    "gpt-*": "big",
    "*-mini": "small",
    "claude-*": "big",
    "claude-*haiku*": "small",
    "claude-opus-4-8": "opus",
    "*[1m]": "long",
}
LED = {
    "claude-opus-4-8": "opus",
    "claude-opus-4-9": "big",
    "claude-haiku-4-5-20251001": "small",
    "claude-3-5-haiku-latest": "small",
    "gpt-5-codex": "big",
    "gpt-5-mini": "small",
    "gpt-5-mini-2025": "big",
    "CLAUDE-opus": "last",
    "claude-sonnet-4-5[1m]": "long",
    "claude-sonnet-4-5[1M]": "long",
    "anything": "last",
}


def settings(*models: str, **router: object) -> LiteLLMSettings:
    entries = [deployment(name, f"openai/{name.replace('*', 'x')}", UPSTREAM) for name in models]
    return {"model_list": entries, "router_settings": router}  # type: ignore[typeddict-item]


def names_of(config: Config, found: LiteLLMSettings, names: Mapping[str, str]) -> ClientNames:
    return ClientNames(request_rules.compute(config, found, names))


@pytest.mark.parametrize("asked", LED)
def test_the_most_specific_entry_wins(config: Make, asked: str) -> None:
    made = names_of(config(), settings("big", "small", "opus", "long", "last"), NAMES)
    assert made.model(asked) == LED[asked]


@pytest.mark.parametrize("own", ["big", "some-id", "short", "group", "openai/big", "a2a/agent", "0" * 64])
def test_a_name_that_the_config_defines_wins(config: Make, own: str) -> None:
    found = settings("big", "other", model_group_alias={"short": "big"})
    found["model_list"][1]["model_info"] = {"id": "some-id"}
    found["router_settings"]["routing_groups"] = [{"group_name": "group", "models": ["big"]}]  # type: ignore[typeddict-unknown-key]
    assert names_of(config(), found, {"*": "other"}).model(own) is None


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("claude-*haiku*", "claude-*"),
        ("gpt-*", "*-*"),
        ("a-*", "*"),
        ("gpt-5-*", "gpt-*"),
        ("gpt-*-mini*", "gpt-*"),
        ("*haiku*", "claude-*"),
        ("claude-*[1m]", "claude-*"),
        ("claude-*-4-*", "claude-*"),
        ("a*b*c", "a*c"),
        ("openai/gpt-*", "openai/*"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_pattern_that_matches_less_comes_first(first: str, then: str, turned: bool) -> None:
    names = dict.fromkeys((then, first) if turned else (first, then), "m")
    assert [pattern for pattern, _ in client_names.ranked(names, settings("m"))] == [first, then]


@pytest.mark.parametrize("names", [("*haiku*", "claude-*", "gpt-*-mini"), ("*-mini", "gpt-*"), ("ab*", "*bcd", "x*")])
def test_otherwise_the_order_is_litellms(names: tuple[str, ...]) -> None:
    found = [pattern for pattern, _ in client_names.ranked(dict.fromkeys(names, "m"), settings("m"))]
    assert found == sorted(names, key=name_patterns.specificity, reverse=True)
    assert found == list(ModelNames(settings(*names)).patterns)


@pytest.mark.parametrize(
    ("pattern", "model"), [("claude-*", None), ("claude-*haiku*", "m"), ("*", None), ("claude-h*", "m")]
)
def test_a_pattern_of_model_list_takes_part(config: Make, pattern: str, model: str | None) -> None:
    found = settings("m", "claude-*")
    assert names_of(config(), found, {pattern: "m"}).model("claude-haiku-4") == model


def test_every_model_has_a_name_that_claude_code_shows(config: Make) -> None:
    made = names_of(config(), settings("router-default", "my-claude"), {"claude-*": "my-claude"})
    assert made.model("claude-router-default") == "router-default"
    assert made.model("claude-router-" + b"router-default".hex()) == "router-default"
    assert made.model("claude-my-claude") == "my-claude"
    assert made.model("my-claude") is None


def compiled(names: Mapping[str, str], **router: object) -> Policy:
    made = settings("big", "small", fallbacks=[{"big": ["small"]}], allowed_fails=1, **router)
    return compile_profile(made, {}, UpstreamAccounts({}, {}, lambda one: False), "1.108.7", names)


def test_a_name_is_an_alias_with_the_fallbacks_of_its_model() -> None:
    router: RouterSettings = compiled({"claude-opus-4-8": "big", "gpt-*": "big"}).litellm["router_settings"]
    assert router["model_group_alias"] == {"claude-opus-4-8": "big"}
    assert {"claude-opus-4-8": ["small"]} in router["fallbacks"]


@pytest.mark.parametrize("names", [{"big": "small"}, {"mine": "small"}, {"gpt-*": "big"}, {"x": "nowhere"}, {}])
def test_models_aliases_patterns_and_unknown_models_are_not_rendered(names: dict[str, str]) -> None:
    made = compiled(names, model_group_alias={"mine": "big"})
    assert made.litellm["router_settings"]["model_group_alias"] == {"mine": "big"}
    assert made.litellm == compiled({}, model_group_alias={"mine": "big"}).litellm


def checked(
    config: Make, names: dict[str, str], own: dict[str, str | None] | None = None
) -> tuple[list[str], list[str]]:
    base = settings("big", "small", "local/*", model_group_alias={"mine": "big"})
    base["model_list"][0]["model_info"] = {"id": "some-id"}
    made = config(litellm_base=base, model_names=names, own_model_names={"balanced": own or {}})
    merged = client_names.of_profile(made, "balanced")
    policy = compile_profile(base, {}, UpstreamAccounts({}, {}, lambda one: False), "", merged)
    wrong = client_names.faults(made, "balanced", policy.litellm)
    return [f"{one.what}; {one.fix}" for one in wrong], list(client_names.warnings(made, "balanced", policy.litellm))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"claude-*": "bgi"}, "'bgi'; did you mean 'big'?"),
        ({"claude-x": "bgi"}, "'bgi'; did you mean 'big'?"),
        ({"claude-*": "gpt-5"}, "'gpt-5'"),
        ({"claude-*": "some-id"}, "is the id of a deployment; write the model that it belongs to: big"),
        ({"a": "b", "b": "big"}, "which is itself a name of model_names; write a model of the profile"),
        ({"a": "a"}, "which is itself a name"),
    ],
)
def test_a_name_that_leads_to_no_model_is_an_error(config: Make, names: dict[str, str], words: str) -> None:
    [wrong] = checked(config, names)[0]
    assert words in wrong


@pytest.mark.parametrize("model", ["big", "small", "mine", "local/llama"])
def test_a_name_may_lead_to_whatever_clients_may_ask_for(config: Make, model: str) -> None:
    assert checked(config, {"claude-*": model, "claude-x": model}) == ([], [])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"big": "small"}, "'big' of model_names never applies: it is a model of the profile, which wins"),
        ({"mine": "small"}, "never applies: it is an alias of big, which wins"),
        ({"local/*": "big"}, "never applies: model_list has a model of this name, which wins"),
    ],
)
def test_a_name_that_never_applies_is_told(config: Make, names: dict[str, str], words: str) -> None:
    wrong, [told] = checked(config, names)
    assert wrong == []
    assert words in told


def test_a_profiles_own_names_are_merged_over_the_others(config: Make) -> None:
    own = {"balanced": {"gpt-*": "small", "claude-*": None}}
    made = config(model_names={"gpt-*": "big", "claude-*": "big", "x": "big"}, own_model_names=own)
    assert client_names.of_profile(made, "balanced") == {"gpt-*": "small", "x": "big"}
    assert client_names.of_profile(made, "cost") == {"gpt-*": "big", "claude-*": "big", "x": "big"}


def test_taking_away_what_is_not_there_is_an_error(config: Make) -> None:
    [wrong] = checked(config, {"gpt-*": "big"}, {"gtp-*": None})[0]
    assert "takes 'gtp-*' out of model_names, where it is not" in wrong


def test_what_names_lead_to_is_described(config: Make) -> None:
    base = settings("router-big", "big")
    made = config(model_names={"router-*": "big", "claude-x": "big"}, litellm_base=base)
    assert client_names.describe(made, "balanced", base) == [
        "a request for claude-x goes to big",
        "a request for a name like router-* goes to big, except router-big",
    ]


def test_without_the_runner_patterns_do_not_apply(config: Make) -> None:
    made = config(model_names={"claude-*": "big"})
    alone = replace(made.services["litellm"], args=("/usr/bin/litellm",))
    made = replace(made, services={**made.services, "litellm": alone})
    [told] = client_names.warnings(made, "balanced", settings("big"))
    assert "does not apply: FlowGate's runner does not start LiteLLM" in told
