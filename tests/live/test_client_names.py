"""Names that clients ask for by themselves, on the real LiteLLM: every API, and the fallback of a dead model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace
from tests.live.conftest import Gateway, running

pytestmark = pytest.mark.live

NAMES = """model_names:
  claude-opus-4-8: router-default
  claude-*: router-default
  claude-*haiku*: router-cheap
  gpt-*: router-default
  '*-mini': router-cheap
  dead-*: dead
"""
DEAD = """    - model_name: dead
      litellm_params: {model: openai/dead, api_base: http://127.0.0.1:9/v1, api_key: none}
"""
LED = {
    "claude-opus-4-8": "embedded-default",
    "claude-opus-4-8[1m]": "embedded-default",
    "claude-sonnet-4-5-20250929": "embedded-default",
    "claude-haiku-4-5-20251001": "embedded-cheap",
    "gpt-5-codex": "embedded-default",
    "gpt-5-mini": "embedded-cheap",
    "claude-router-cheap": "embedded-cheap",
    "dead-model": "embedded-cheap",
}
MESSAGES = [{"role": "user", "content": "hi"}]
CHAT, ANTHROPIC, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
APIS: Mapping[str, dict[str, object]] = {
    CHAT: {"messages": MESSAGES},
    ANTHROPIC: {"messages": MESSAGES, "max_tokens": 100},
    RESPONSES: {"input": "hi"},
    "/v1beta/models/{}:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a list of names, and a model whose vendor is dead."""
    place = Workspace(tmp_path_factory.mktemp("names"))
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    place.edit_config(("profiles:\n", f"{DEAD}{NAMES}profiles:\n"))
    place.edit_config(("{num_retries: 1}", "{num_retries: 1, fallbacks: [{dead: [router-cheap]}]}"))
    with running(place) as started:
        yield started


def test_every_name_is_answered_by_its_model_on_every_api(named: Gateway) -> None:
    key = named.key()
    wrong = []
    for name, model in LED.items():
        for path, body in APIS.items():
            sent = {**body, **({} if "{}" in path else {"model": name})}
            status, text = named.request(path.format(name.replace("[", "%5B").replace("]", "%5D")), sent, key=key)
            wrong += [] if status == 200 and model in text else [(name, path, status, text[:200])]
    assert wrong == []


def test_the_lists_and_explain_show_the_names(named: Gateway) -> None:
    listed = json.loads(named.request("/v1/models", key=named.key())[1])["data"]
    assert {"claude-opus-4-8", "router-default"} < {one["id"] for one in listed}
    assert not any("*" in one["id"] for one in listed)
    named.chat(named.key(), "claude-haiku-9")
    [last] = json.loads(named.workspace.inv("explain", "--last", "1", "--json").stdout)["answers"]
    assert (last["asked"], last["leads_to"], last["fallbacks"]) == ("claude-haiku-9", "router-cheap", 0)


def test_a_name_whose_model_is_dead_has_the_models_fallback(named: Gateway) -> None:
    named.chat(named.key(), "dead-thing")
    [last] = json.loads(named.workspace.inv("explain", "--last", "1", "--json").stdout)["answers"]
    assert (last["asked"], last["leads_to"], last["fallbacks"]) == ("dead-thing", "dead", 1)
