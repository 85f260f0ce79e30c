"""`model_names`: names that clients ask for by themselves, and what is wrong with them."""

from __future__ import annotations

import pytest

from tests.unit.config.conftest import ErrorsOf, Reads

GOOD = [
    *("claude-*", "claude-*haiku*", "gpt-5-codex", "*-mini", "*", "gemini-3.5-flash-lite", "claude-opus-4-8[1m]"),
    *("openai/gpt-5", "llama3:8b", "claude-3-5-sonnet@20240620", "*[1m]", "GPT-4o", "a+b~c_d"),
]
BAD = {
    "'claude-?': m": "'claude-?' cannot be a model's name, or a pattern of names",
    "'claude-[ab]': m": "'claude-[ab]' cannot be",
    "'^gpt.*$': m": "'^gpt.*$' cannot be",
    "'a b': m": "'a b' cannot be",
    "'a,b': m": "'a,b' cannot be",
    "4: m": "'4' cannot be",
    "'a**': m": "two `*` in a row",
    "a: gpt-*": "leads to the pattern 'gpt-*'",
    "a: 4": "must be the name of a model, not 4",
    "a: true": "must be the name of a model",
    "a:": "must be the name of a model, not nothing",
    "a: ' '": "must be the name of a model",
    "a: [m]": "must be the name of a model",
    "a: {model: m}": "must be the name of a model",
    "a: os.environ/MAIN": "a variable cannot stand here",
}


@pytest.mark.parametrize("name", GOOD)
def test_names_and_patterns_are_read_as_they_are_written(reads: Reads, name: str) -> None:
    assert dict(reads(f"model_names:\n  '{name}': m\n").model_names) == {name: "m"}


@pytest.mark.parametrize("line", BAD)
def test_what_cannot_be_a_name_is_refused_at_its_line(errors_of: ErrorsOf, line: str) -> None:
    [error] = errors_of(f"model_names:\n  fine: m\n  {line}\n")
    assert BAD[line] in error.what
    assert error.place == "/home/me/config/flowgate.yaml:3"


@pytest.mark.parametrize("pattern", ["*-mini", "*", "*mini*", "*.x"])
def test_a_pattern_that_yaml_takes_for_an_alias_needs_quotes(errors_of: ErrorsOf, pattern: str) -> None:
    [error] = errors_of(f"model_names:\n  {pattern}: m\n")
    assert "needs quotes" in error.fix


def test_a_name_that_is_written_twice_is_refused(errors_of: ErrorsOf) -> None:
    [error] = errors_of("model_names:\n  claude-*: m\n  'claude-*': n\n")
    assert "duplicate key 'claude-*'" in error.what


@pytest.mark.parametrize("text", ["model_names: [a]\n", "model_names: a\n", "model_names: 1\n"])
def test_anything_but_a_mapping_is_refused(errors_of: ErrorsOf, text: str) -> None:
    [error] = errors_of(text)
    assert "a mapping like {claude-*: router-default}" in error.what


@pytest.mark.parametrize("text", ["", "model_names:\n", "model_names: {}\n"])
def test_the_list_may_be_empty(reads: Reads, text: str) -> None:
    assert dict(reads(text).model_names) == {}


def test_a_profile_has_names_of_its_own_and_takes_others_away(reads: Reads) -> None:
    config = reads("profiles: {balanced: {model_names: {gpt-*: m, claude-*: null}}, cost: {}}\n")
    assert config.own_model_names == {"balanced": {"gpt-*": "m", "claude-*": None}}
    assert config.profiles == {"balanced": {}, "cost": {}}


def test_the_list_is_no_setting_of_litellm(errors_of: ErrorsOf) -> None:
    text = "litellm_base:\n  model_list: [{model_name: m, litellm_params: {model: x/y}}]\n  model_names: {a: m}\n"
    [error] = errors_of(text)
    assert error.fix == "write it at the top level of the config, or in a profile"


def test_a_misspelt_key_is_refused(errors_of: ErrorsOf) -> None:
    [error] = errors_of("model_name: {a: m}\n")
    assert "model_names" in error.fix
