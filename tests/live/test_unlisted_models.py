"""The real LiteLLM passes on what its price list would make it refuse, and counts where the server cannot."""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
THINKING = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}}
ASKED = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize("more", [THINKING, {"max_tokens": 4000, "thinking": {"type": "adaptive"}}])
def test_thinking_reaches_a_model_that_the_price_list_lacks(gateway: Gateway, more: dict[str, object]) -> None:
    status, text = gateway.request("/v1/messages", {"model": "router-default", **ASKED, **more}, key=gateway.key())
    assert status == 200, text


def test_reasoning_effort_reaches_it_too(gateway: Gateway) -> None:
    body = {"model": "router-default", "input": "hello", "reasoning": {"effort": "high"}}
    status, text = gateway.request("/v1/responses", body, key=gateway.key())
    assert status == 200, text


@pytest.mark.parametrize("model", ["router-default", "router-cheap", "account"])
def test_tokens_are_counted_for_each_model(gateway: Gateway, model: str) -> None:
    status, text = gateway.request("/v1/messages/count_tokens", {"model": model, **ASKED}, key=gateway.key())
    assert (status, json.loads(text)["input_tokens"] > 0) == (200, True)


def test_a_head_of_the_root_needs_no_key(gateway: Gateway) -> None:
    with urllib.request.urlopen(urllib.request.Request(gateway.base + "/", method="HEAD"), timeout=60) as response:
        assert response.status == 200
