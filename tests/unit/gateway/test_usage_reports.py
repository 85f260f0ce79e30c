"""Tokens and cost of an answer, from LiteLLM's standard logging payload."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.gateway import usage_reports
from flowgate.request_filter.exchange import CURRENT

DETAILS = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}
LISTED = {"model_map_value": {"key": "gpt-5", "input_cost_per_token": 1e-6}}
UNLISTED = {"model_map_value": {"key": "openai/x", "input_cost_per_token": 0}}


def payload(**more: Any) -> dict[str, Any]:
    known = {"status": "success", "prompt_tokens": 10, "completion_tokens": 5, "custom_llm_provider": "openai"}
    told = {"messages": "a prompt", "response": "an answer", "metadata": {"usage_object": DETAILS}, "model_id": "d1"}
    return {**known, **told, "response_cost": 0.5, "model_map_information": LISTED, **more}


def emit(*payloads: dict[str, Any], row: Any) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    module = SimpleNamespace(emit_standard_logging_payload=seen.append)
    assert usage_reports.install(module) == usage_reports.install(module) == ""
    token = CURRENT.set(row)
    for one in payloads:
        module.emit_standard_logging_payload(one)
    CURRENT.reset(token)
    return seen


def test_tokens_and_cost_are_noted_and_litellm_gets_the_same_payload() -> None:
    row: dict[str, Any] = {}
    assert emit(payload(), row=row) == [payload()]
    assert row["usage"] == {
        "prompt": 10,
        "completion": 5,
        "cached": 4,
        "reasoning": 3,
        "cost": 0.5,
        "price": "list",
        "provider": "openai",
    }


@pytest.mark.parametrize(
    ("more", "cost", "price"),
    [
        ({"response_cost": 0.0, "model_map_information": UNLISTED}, None, "unknown"),
        ({"response_cost": None, "model_map_information": None}, None, "unknown"),
        ({"response_cost": 0.0}, 0.0, "list"),
        ({"response_cost": 0.0, "cache_hit": True, "model_map_information": UNLISTED}, 0.0, "list"),
        ({"model_map_information": {"model_map_value": {"key": "d1"}}}, 0.5, "config"),
        ({"response_cost": "broken", "model_map_information": {}}, None, "unknown"),
    ],
)
def test_the_price_is_named(more: dict[str, Any], cost: float | None, price: str) -> None:
    row: dict[str, Any] = {}
    emit(payload(**more), row=row)
    assert (row["usage"]["cost"], row["usage"]["price"]) == (cost, price)


@pytest.mark.parametrize(("cost", "price"), [(0.5, "subscription"), (None, "unknown")])
def test_what_an_account_answers_is_not_billed(cost: float | None, price: str) -> None:
    row: dict[str, Any] = {"attempts": [{"service": "cliproxyapi_plus"}]}
    emit(payload(response_cost=cost, model_map_information=LISTED if cost else {}), row=row)
    assert row["usage"]["price"] == price


def test_several_answers_to_one_request_add_up() -> None:
    row: dict[str, Any] = {}
    emit(payload(), payload(response_cost=None, model_map_information={}), row=row)
    assert (row["usage"]["prompt"], row["usage"]["cost"]) == (20, 0.5)


@pytest.mark.parametrize("more", [{"metadata": None}, {"metadata": {"usage_object": [1]}}, {"prompt_tokens": None}])
def test_a_payload_without_details_counts_what_it_has(more: dict[str, Any]) -> None:
    row: dict[str, Any] = {}
    emit(payload(**more), row=row)
    assert row["usage"]["completion"] == 5


def test_a_failure_and_a_call_of_no_request_are_not_noted() -> None:
    row: dict[str, Any] = {}
    emit(payload(status="failure"), row=row)
    emit(payload(), row=None)
    assert row == {}


def test_another_litellm_is_named() -> None:
    assert usage_reports.install(SimpleNamespace()) == "this LiteLLM has no emit_standard_logging_payload"
    assert usage_reports.install(None) == "this LiteLLM has no emit_standard_logging_payload"
