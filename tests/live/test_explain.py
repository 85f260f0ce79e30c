"""What happens to a request inside the real LiteLLM, and what `explain` says; attempts are counted at a fake vendor."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from tests.live.conftest import Gateway, Vendor

pytestmark = pytest.mark.live
MESSAGES = [{"role": "user", "content": "a secret prompt"}]
ENDPOINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": MESSAGES}),
    "stream": ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
    "messages": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 20}),
    "messages stream": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 20, "stream": True}),
    "responses": ("/v1/responses", {"input": "a secret prompt"}),
}


def explained(gateway: Gateway, last: int = 1) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.workspace.json("explain", "--last", str(last))["answers"]
    return found


@pytest.fixture
def failing(gateway: Gateway, vendor: Vendor) -> Iterator[Vendor]:
    """The vendor of the model `faulty`, which responds with 500; cooldowns are cleared afterwards."""
    vendor.set_faults({"vendor-model": {"status": 500}})
    vendor.reset()
    yield vendor
    vendor.set_faults({})
    gateway.workspace.inv("service.restart", "--service", "litellm")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_answer_is_explained_on_every_endpoint(gateway: Gateway, endpoint: str) -> None:
    path, body = ENDPOINTS[endpoint]
    assert gateway.request(path, {"model": "router-cheap", **body}, key=gateway.key())[0] == 200
    [one] = explained(gateway)
    assert (one["path"], one["status"], one["own"]) == (path, 200, False)
    assert (one["asked"], one["answered"]) == ("router-cheap", "openai/embedded-cheap")
    [attempt] = one["attempts"]
    assert (attempt["host"], attempt["error"]) == (f"127.0.0.1:{gateway.workspace.upstream_port}", "")
    assert "secret" not in json.dumps(one)


def test_as_many_attempts_are_explained_as_the_vendor_received(gateway: Gateway, failing: Vendor) -> None:
    for path, body in ENDPOINTS.values():
        failing.reset()
        assert gateway.request(path, {"model": "faulty", **body}, key=gateway.key())[0] >= 429
        [one] = explained(gateway)
        sent = [tried for tried in one["attempts"] if tried["deployment"]]
        assert (one["asked"], one["answered"], len(sent)) == ("faulty", "", len(failing.requests()))
        assert all((tried["status"], tried["seconds"] >= 0) == (500, True) for tried in sent)


def test_a_dead_model_and_its_fallback_are_both_named(gateway: Gateway) -> None:
    assert gateway.chat(gateway.key(), "elsewhere", fallbacks=["router-cheap"], num_retries=0)[0] == 200
    [one] = explained(gateway)
    assert (one["asked"], one["answered"]) == ("elsewhere", "openai/embedded-cheap")
    assert [(tried["model"], tried["error"]) for tried in one["attempts"]] == [
        ("elsewhere", "connection refused"),
        ("router-cheap", ""),
    ]


def test_flowgates_own_requests_are_left_out(gateway: Gateway) -> None:
    gateway.chat(gateway.key())
    before = [one["id"] for one in explained(gateway, 500)]
    gateway.workspace.inv("smoke")
    assert [one["id"] for one in explained(gateway, 500)] == before


def test_questions_that_no_model_can_answer_do_not_hurt_the_others(gateway: Gateway) -> None:
    for _ in range(6):
        gateway.request("/v1/embeddings", {"model": "router-default", "input": "x"}, key=gateway.key())
        gateway.request("/v1/chat/completions", {"model": "router-default", "messages": "no"}, key=gateway.key())
        assert gateway.chat(gateway.key())[0] == 200
    assert gateway.workspace.json("cooldowns")["cooldowns"] == []


def test_a_stopped_upstream_is_unavailable_in_each_dialect_and_back_at_once(gateway: Gateway) -> None:
    gateway.workspace.inv("service.stop", "--service", "cliproxyapi_plus")
    try:
        for _ in range(3):
            for path, body in ENDPOINTS.values():
                _expect_unavailable(gateway, path, body)
        assert explained(gateway)[0]["attempts"][0]["obstacle"] == "cliproxyapi_plus is stopped"
    finally:
        gateway.workspace.inv("service.start", "--service", "cliproxyapi_plus")
    assert gateway.chat(gateway.key())[0] == 200
    assert wait(lambda: gateway.workspace.json("cooldowns")["cooldowns"] == [])


def _expect_unavailable(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        gateway.open(path, {"model": "router-default", **body}, key=gateway.key())
    with raised.value as response:
        document = json.loads(response.read())
        assert (response.code, response.headers["retry-after"]) == (503, "5")
    assert "cliproxyapi_plus is stopped" in document["error"]["message"]
    assert (document.get("type") == "error") is (path == "/v1/messages")
