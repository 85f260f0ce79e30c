"""What is added for models that LiteLLM's price list does not have."""

from __future__ import annotations

from typing import Any, cast

import pytest

from flowgate.domain import LiteLLMSettings
from flowgate.gateway import unlisted_models

UPSTREAM = "http://127.0.0.1:8317/v1"


def complete(params: dict[str, Any], listed: tuple[str, ...] = (), **more: Any) -> tuple[dict[str, Any], list[str]]:
    """Return `model_info` of one completed deployment, and what was said."""
    params = {"model": "openai/m", "api_base": UPSTREAM} | params
    entry: dict[str, Any] = {"model_name": "m", "litellm_params": params, **more.pop("entry", {})}
    settings = cast(LiteLLMSettings, {"model_list": [entry], **more})
    said = unlisted_models.complete(
        settings, lambda one: one["litellm_params"].get("api_base") == UPSTREAM, lambda name: name in listed
    )
    return dict(entry.get("model_info", {})), said


def test_an_unlisted_model_behind_the_upstream_may_reason_and_is_counted() -> None:
    info, said = complete({})
    assert info == {"supports_reasoning": True, "token_count_framing": 0}
    assert [one.partition(":")[0] for one in said] == [
        "model_info.token_count_framing",
        "model_info.supports_reasoning",
    ]


@pytest.mark.parametrize("listed", ["m", "openai/m"])
def test_of_a_listed_model_litellm_knows_whether_it_reasons(listed: str) -> None:
    assert complete({}, (listed,))[0] == {"token_count_framing": 0}


@pytest.mark.parametrize(
    "params",
    [{"model": "anthropic/m"}, {"api_base": "https://api.openai.com/v1"}, {"api_base": ""}, {"model": "gemini/m"}],
)
def test_a_vendor_that_litellm_knows_gets_nothing(params: dict[str, Any]) -> None:
    assert complete(params) == ({}, [])


@pytest.mark.parametrize("params", [{"api_base": "http://127.0.0.1:9000/v1"}, {"model": "openai/*"}])
def test_another_server_and_a_pattern_are_counted_only(params: dict[str, Any]) -> None:
    assert complete(params)[0] == {"token_count_framing": 0}


def test_what_the_user_wrote_stays() -> None:
    own = {"supports_reasoning": False, "token_count_framing": 5, "id": "mine"}
    assert complete({}, entry={"model_info": own}) == (own, [])


@pytest.mark.parametrize("value", [True, False])
def test_a_profile_that_drops_parameters_goes_on_dropping_them(value: bool) -> None:
    assert ("supports_reasoning" in complete({"drop_params": value})[0]) is not value
    assert ("supports_reasoning" in complete({}, litellm_settings={"drop_params": value})[0]) is not value


@pytest.mark.parametrize(
    "more, count",
    [({}, 1), ({"drop_params": True}, 0), ({"api_base": UPSTREAM}, 0), ({"model": "openai/listed"}, 0)],
)
def test_the_refusals_that_stay_are_named(more: dict[str, Any], count: int) -> None:
    params = {"model": "openai/m", "api_base": "http://127.0.0.1:9000/v1", **more}
    settings = cast(LiteLLMSettings, {"model_list": [{"model_name": "m", "litellm_params": params}]})
    found = unlisted_models.refused(
        settings, lambda one: one["litellm_params"].get("api_base") == UPSTREAM, lambda name: name == "listed"
    )
    assert ["supports_reasoning: true" in one for one in found] == [True] * count
