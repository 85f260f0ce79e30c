"""Names of models: what exists, what a model can do, and the sentence that a client gets otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter.models import SHOWN_NAMES
from tests.unit.request_filter.echoing import KEYS, RULES, echoing, send

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
TEXT = {"messages": [{"role": "user", "content": "hi"}]}
ASKING_THE_APP = replace(RULES, name_source="tests.unit.request_filter.echoing:knows_gpt")
KNOWN = [
    *("router-default", "router-cheap", "some-id", "local/llama", "local/a/b:c", "local/"),
    *("router-default[1m]", "router-default[1M]", "local/llama[1m]"),
    *("0" * 64, "claude-router-1", "a2a/agent", "router-default, router-cheap"),
]
UNKNOWN = [
    "router-defualt",
    "gpt-5",
    "ROUTER-DEFAULT",
    "local",
    "xlocal/llama",
    " router-default",
    "[1m]",
    "ü",
    "*",
    "0" * 63,
]


@pytest.mark.parametrize("name", KNOWN)
def test_a_name_that_the_app_may_know_passes(name: str) -> None:
    assert send(RULES, CHAT, {"model": name, **TEXT}).status == 200


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, "/chat/completions", "/v1/completions"])
def test_an_unknown_name_is_told_with_those_that_exist(path: str, name: str) -> None:
    got = send(RULES, path, {"model": name, **TEXT})
    assert got.status == 404
    assert f"no model is called '{name}'" in got.message
    assert "models: router-default, router-cheap, embedder, local/*" in got.message


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        (CHAT, "code", "model_not_found"),
        (RESPONSES, "code", "model_not_found"),
        ("/v1/embeddings", "code", "model_not_found"),
        (MESSAGES, "type", "not_found_error"),
        ("/messages", "type", "not_found_error"),
        ("/v1beta/models/nope:generateContent", "status", "NOT_FOUND"),
        ("/v1beta/models/nope:streamGenerateContent?alt=sse", "status", "NOT_FOUND"),
        ("/models/nope:generateContent", "status", "NOT_FOUND"),
        ("/openai/deployments/nope/chat/completions", "code", "model_not_found"),
        ("/engines/nope/chat/completions", "code", "model_not_found"),
    ],
)
def test_an_unknown_name_has_the_clients_shape(path: str, place: str, words: str) -> None:
    got = send(RULES, path, {"model": "nope"})
    assert (got.status, got.tree["error"][place]) == (404, words)


def test_the_closest_name_comes_first() -> None:
    message = send(RULES, CHAT, {"model": "router-chaep", **TEXT}).message
    assert "did you mean 'router-cheap'?" in message


def test_a_long_list_is_cut() -> None:
    rules = replace(RULES, models=tuple(f"model-{number}" for number in range(500)))
    message = send(rules, CHAT, {"model": "x" * 5_000, **TEXT}).message
    assert f"and {500 + 1 - SHOWN_NAMES} more (GET /v1/models)" in message
    assert len(message) < 1_000


@pytest.mark.parametrize("rules", [RequestRules(), replace(RULES, any_model=True), KEYS])
def test_every_name_passes_where_not_all_are_listed(rules: RequestRules) -> None:
    headers = {"authorization": "Bearer sk-gateway"}
    assert send(rules, CHAT, {"model": "anything", **TEXT}, headers=headers).status == 200


@pytest.mark.parametrize(("name", "status"), [("gpt-4o", 200), ("claude", 404)])
def test_the_app_is_asked_before_a_name_is_refused(name: str, status: int) -> None:
    assert send(ASKING_THE_APP, CHAT, {"model": name, **TEXT}).status == status


@pytest.mark.parametrize(("name", "status"), [("router-default", 200), ("local/x", 200), ("nope", 404), ("a/b:c", 404)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_description_of_a_model(method: str, name: str, status: int) -> None:
    assert send(RULES, f"/v1/models/{name}", method=method).status == status


@pytest.mark.parametrize("body", [{}, {"model": None}, {"model": ""}])
def test_a_request_without_a_model_is_told_which_there_are(body: dict[str, object]) -> None:
    got = send(RULES, CHAT, {**body, **TEXT})
    assert got.status in (400, 404)
    assert got.message == "the request names no model; models: router-default, router-cheap, embedder, local/*"


@pytest.mark.parametrize(
    "body",
    [
        {"model": "theirs", "api_key": "sk-theirs"},
        {"model": "theirs", "api_base": "http://127.0.0.1:1"},
        {"model": "theirs", "user_config": {}},
        {"prompt_id": "stored"},
        {"model": 5},
        {"model": ["a"]},
    ],
)
def test_the_app_decides_about_other_requests(body: dict[str, object]) -> None:
    assert send(RULES, CHAT, {**body, **TEXT}).status == 200


@pytest.mark.parametrize(
    ("path", "name", "words"),
    [
        ("/v1/embeddings", "router-default", "cannot make embeddings; models that may: embedder"),
        ("/embeddings", "router-cheap", "cannot make embeddings"),
        ("/engines/router-cheap/embeddings", "", "cannot make embeddings"),
        ("/openai/deployments/router-cheap/embeddings", "", "cannot make embeddings"),
        ("/v1/embeddings", "local/x", "cannot make embeddings"),
        ("/v1beta/models/router-cheap:embedContent", "", "cannot make embeddings"),
        ("/v1/models/router-cheap:batchEmbedContents", "", "cannot make embeddings"),
        ("/v1/models/embedder:generateContent", "", "cannot answer with text"),
        ("/v1/images/generations", "router-default", "cannot make images; models that may: router-cheap"),
        ("/v1/moderations", "router-default", "cannot moderate; no model of this gateway can"),
        ("/v1/moderations", "", "no model of this gateway can moderate"),
        (CHAT, "embedder", "cannot answer with text; models that may: router-default, router-cheap"),
        (MESSAGES, "embedder", "cannot answer with text"),
        (RESPONSES, "embedder", "cannot answer with text"),
    ],
)
def test_what_no_model_of_a_name_can_do_is_refused(path: str, name: str, words: str) -> None:
    got = send(RULES, path, {"model": name, "input": "x"} if name else {"input": "x"})
    assert got.status == 400
    assert words in got.message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/embeddings", "embedder"),
        ("/v1/embeddings", "some-id"),
        ("/v1/images/generations", "router-cheap"),
        ("/v1/audio/speech", "router-default"),
        ("/v1/rerank", "local/x"),
        ("/v1/messages/count_tokens", "embedder"),
        ("/v1/files", "embedder"),
        ("/v1/batches", "nope"),
        ("/vendor/v1/embeddings", "router-default"),
    ],
)
def test_what_is_not_known_passes(path: str, name: str) -> None:
    assert send(RULES, path, {"model": name, "input": "x"}).status == 200


def test_an_optional_model_need_not_be_named() -> None:
    assert send(replace(RULES, model_optional=("moderations",)), "/v1/moderations", {"input": "x"}).status == 200


def test_a_refused_request_is_listed_with_its_model() -> None:
    layer = echoing(RULES)
    for name in ("nope", "router-default", "embedder"):
        send(layer, CHAT, {"model": name, **TEXT})
    found = [(row["model"], row["status"], row.get("refused")) for row in layer.recent.rows()]
    assert found == [
        ("nope", 404, "no model is called 'nope'"),
        ("router-default", 200, None),
        ("embedder", 400, "the model 'embedder' cannot answer with text"),
    ]
