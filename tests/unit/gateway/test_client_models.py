"""The models that a client program is given."""

from __future__ import annotations

import pytest

from flowgate.domain.request_rules import RequestRules
from flowgate.gateway.client_models import ClientModels, choose

LISTED = ("router-default", "router-cheap", "embedder")
TEXT = {"embedder": ("text",)}


def given(*listed: str, **patterns: str) -> ClientModels:
    named = {key.replace("_", "*").replace("X", "-"): model for key, model in patterns.items()}
    exact = {name: model for name, model in named.items() if "*" not in name}
    ranked = sorted(((name, model) for name, model in named.items() if "*" in name), key=lambda one: -len(one[0]))
    rules = RequestRules(models=listed, any_model=False, refused=TEXT, renamed=exact, renamed_patterns=tuple(ranked))
    return choose(rules, (*listed, *exact))


def test_without_a_list_of_names_the_first_model_does_all_work() -> None:
    assert given(*LISTED) == ClientModels("router-default", "router-default", ("router-default", "router-cheap"))


@pytest.mark.parametrize("pattern", ["claudeX_haiku_", "_Xmini", "gptX5Xmini", "geminiX_flash_"])
def test_background_work_goes_where_the_names_of_small_models_lead(pattern: str) -> None:
    assert given(*LISTED, **{pattern: "router-cheap"}).small_model == "router-cheap"


@pytest.mark.parametrize("pattern", ["claudeX_", "gptX_", "gptX5", "_", "geminiX_"])
def test_the_main_work_goes_where_the_names_of_large_models_lead(pattern: str) -> None:
    found = given(*LISTED, **{pattern: "router-cheap"})
    assert (found.model, found.models) == ("router-cheap", ("router-cheap", "router-default"))


def test_a_model_that_makes_no_text_is_never_given() -> None:
    assert given("embedder", "router-cheap").models == ("router-cheap",)
    assert given("embedder") == ClientModels("", "", ())
