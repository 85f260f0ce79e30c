"""Keys of clients in front of the real LiteLLM: who asked is known, limits hold, and no key is seen anywhere."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import contents

if TYPE_CHECKING:
    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
QUESTION = {"max_tokens": 20, "messages": [{"role": "user", "content": "hi"}], "input": "hi"}
PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


@pytest.fixture
def key(gateway: Gateway) -> Iterator[str]:
    """The key of the client `agent`, which may ask `router-cheap` only."""
    yield gateway.workspace.inv("client.add", "agent", "--models", "router-cheap").stdout.strip()
    gateway.workspace.inv("client.remove", "agent")


def ask(gateway: Gateway, key: str, path: str, model: str = "router-cheap", **more: object) -> tuple[int, Any]:
    """Ask a question with a key; return status and the body."""
    content = {"input": "hi"} if path.endswith("responses") else {"messages": QUESTION["messages"], "max_tokens": 20}
    status, text = gateway.request(path, {"model": model, **content, **more}, key=key)
    return status, text if more else json.loads(text)


@pytest.mark.parametrize("path", PATHS)
def test_a_client_is_served_and_named(gateway: Gateway, key: str, path: str) -> None:
    assert ask(gateway, key, path)[0] == 200
    assert ask(gateway, key, path, stream=True)[0] == 200
    first, second = gateway.workspace.json("explain", "--last", "2")["answers"]
    assert [(one["client"], one["status"], one["asked"]) for one in (first, second)] == [
        ("agent", 200, "router-cheap")
    ] * 2


@pytest.mark.parametrize("path", PATHS)
def test_another_model_is_refused_and_explained(gateway: Gateway, key: str, path: str) -> None:
    status, tree = ask(gateway, key, path, "router-default")
    assert (status, "it may ask: router-cheap" in tree["error"]["message"]) == (403, True)
    [one] = gateway.workspace.json("explain")["answers"]
    assert (one["client"], one["asked"], one["status"]) == ("agent", "router-default", 403)
    assert "may not ask" in one["refused"]


def test_the_list_of_models_is_the_clients(gateway: Gateway, key: str) -> None:
    with gateway.open("/v1/models", key=key) as response:
        assert [one["id"] for one in json.load(response)["data"]] == ["router-cheap"]


def test_a_client_cannot_manage_litellm(gateway: Gateway, key: str) -> None:
    for path in ("/config/update", "/model/new", "/key/generate", "/get/config/callbacks"):
        assert gateway.request(path, {}, key=key)[0] == 403


def test_an_unknown_model_is_explained(gateway: Gateway) -> None:
    assert ask(gateway, gateway.key(), PATHS[0], "router-chaep")[0] == 404
    [one] = gateway.workspace.json("explain")["answers"]
    assert (one["asked"], one["refused"]) == ("router-chaep", "no model is called 'router-chaep'")


def test_a_removed_key_is_refused_by_every_generation_at_once(gateway: Gateway) -> None:
    key = gateway.workspace.inv("client.add", "gone").stdout.strip()
    assert ask(gateway, key, PATHS[0])[0] == 200
    gateway.workspace.inv("client.remove", "gone")
    assert ask(gateway, key, PATHS[0])[0] == 401


def test_the_rate_is_limited_and_counted(gateway: Gateway) -> None:
    key = gateway.workspace.inv("client.add", "busy", "--requests-per-minute", "2").stdout.strip()
    statuses = [ask(gateway, key, path)[0] for path in PATHS]
    kinds = {(one["client"], one["kind"]) for one in gateway.workspace.json("status")["clients"]["refused"]}
    gateway.workspace.inv("client.remove", "busy")
    assert (statuses, ("busy", "too_many") in kinds) == ([200, 200, 429], True)


def test_no_key_is_written_anywhere(gateway: Gateway, key: str) -> None:
    ask(gateway, key, PATHS[0])
    request = urllib.request.Request(f"{gateway.base}/v1beta/models/router-cheap:generateContent?key={key}", b"{}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=60)
    caught.value.close()
    texts = contents(gateway.workspace.runtime.parent)
    assert not [path.name for path, text in texts.items() if key.encode() in text]
