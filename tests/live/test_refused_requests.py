"""What the request filter refuses in front of the real LiteLLM, and what still reaches it."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
QUESTION = {"model": "router-default", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}


def send(
    gateway: Gateway,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> tuple[int, Any]:
    """Send a request without a key of its own; return status and the body's JSON."""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(gateway.base + path, content, sent, method=method), timeout=30
        ) as got:
            return got.status, json.loads(got.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def log(gateway: Gateway) -> str:
    return (gateway.workspace.runtime / "process-logs" / "litellm.log").read_text()


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, "/v1beta/models/router-default:generateContent"])
@pytest.mark.parametrize("key", ["", "sk-wrong"])
def test_a_request_without_the_gateways_key_leaves_no_traceback(gateway: Gateway, path: str, key: str) -> None:
    before = log(gateway)
    status, tree = send(gateway, path, QUESTION, {"authorization": f"Bearer {key}"} if key else {})
    assert (status, "flowgate key path" in tree["error"]["message"]) == (401, True)
    assert log(gateway) == before


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "x-goog-api-key", "api-key", "?key="])
def test_the_key_is_accepted_where_clients_put_it(gateway: Gateway, name: str) -> None:
    key = gateway.key()
    headers = {name: f"Bearer {key}" if name == "authorization" else key} if name != "?key=" else {}
    path = CHAT if headers else f"{CHAT}?key={key}"
    assert send(gateway, path, QUESTION, headers)[0] == 200


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_an_unknown_model_is_told_with_those_that_exist(gateway: Gateway, path: str) -> None:
    body = {**QUESTION, "model": "router-chaep", "input": "hi"}
    status, tree = send(gateway, path, body, {"authorization": f"Bearer {gateway.key()}"})
    assert (status, "did you mean 'router-cheap'?" in tree["error"]["message"]) == (404, True)


WRONG: list[tuple[str, dict[str, Any]]] = [
    *((f"/v1/{word}", {"input": "x"}) for word in ("embeddings", "moderations", "rerank", "audio/speech")),
    (MESSAGES, {"messages": "nope"}),
    (MESSAGES, {"tool_choice": "x"}),
    (CHAT, {"messages": [{"role": "user", "content": [{}]}]}),
    (CHAT, {"response_format": "x"}),
    (CHAT, {"extra_body": 5}),
    (CHAT, {"extra_headers": {"a": 1}}),
    (CHAT, {"timeout": "soon"}),
    ("/v1/completions", {"prompt": 5}),
    ("/v1beta/models/router-default:generateContent", {"contents": None}),
]


def test_one_clients_wrong_questions_do_not_hurt_the_others(gateway: Gateway) -> None:
    key = {"authorization": f"Bearer {gateway.key()}"}
    assert {send(gateway, path, {**QUESTION, **body}, key)[0] for path, body in WRONG * 3} == {400}
    image = {"model": "router-default", "prompt": "x"}
    assert {send(gateway, "/v1/images/generations", image, key)[0] for _ in range(3)} <= {400, 404}
    assert gateway.workspace.json("cooldowns")["cooldowns"] == []
    assert send(gateway, CHAT, QUESTION, key)[0] == 200


@pytest.mark.parametrize("path", [CHAT, "//v1/chat/completions", "/v1/v1/chat/completions", "/messages", MESSAGES])
def test_compressed_bodies_and_mistaken_paths_are_answered(gateway: Gateway, path: str) -> None:
    headers = {"authorization": f"Bearer {gateway.key()}", "content-encoding": "gzip"}
    assert send(gateway, path, gzip.compress(json.dumps(QUESTION).encode()), headers)[0] == 200


def test_a_head_of_the_models_is_answered(gateway: Gateway) -> None:
    assert send(gateway, "/v1/models", headers={"authorization": f"Bearer {gateway.key()}"}, method="HEAD") == (
        200,
        None,
    )


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", "/redoc", "/", "/ui/", "/routes", "/sso/key/generate", "/fallback/login"]
)
def test_web_pages_need_the_key(gateway: Gateway, path: str) -> None:
    assert send(gateway, path)[0] == 401


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc"])
def test_the_document_does_not_exist(gateway: Gateway, path: str) -> None:
    assert send(gateway, path, headers={"authorization": f"Bearer {gateway.key()}"})[0] == 404
