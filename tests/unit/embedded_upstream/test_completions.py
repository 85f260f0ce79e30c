"""Model responses, whole and streamed, in the four formats."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.conftest import wait
from tests.unit.embedded_upstream.conftest import KEY, MODELS, Upstream

SIGNATURE = "FlowGate's embedded upstream answering for embedded-default"
CHAT = {"model": "embedded-default", "messages": [{"role": "user", "content": "are you there?"}]}
RESPONSE = {"model": "embedded-default", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}


def events(text: str) -> list[dict[str, Any]]:
    found = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in found if line != "[DONE]"]


def test_the_configured_models_are_listed(upstream: Upstream) -> None:
    listed = json.loads(upstream.request("GET", "/v1/models", headers={"X-Api-Key": KEY}).text)
    assert [one["id"] for one in listed["data"]] == MODELS


@pytest.mark.parametrize(
    "path, body, content",
    [
        ("/v1/chat/completions", CHAT, lambda body: body["choices"][0]["message"]["content"]),
        ("/v1/completions", {"model": "embedded-default", "prompt": "x"}, lambda body: body["choices"][0]["text"]),
        ("/v1/messages", CHAT, lambda body: body["content"][0]["text"]),
        ("/v1/responses", RESPONSE, lambda body: body["output"][0]["content"][0]["text"]),
    ],
)
def test_an_answer_names_its_source(upstream: Upstream, path: str, body: object, content: Any) -> None:
    assert SIGNATURE in content(json.loads(upstream.post(path, body).text))


def test_an_answer_repeats_the_prompt(upstream: Upstream) -> None:
    assert "are you there?" in upstream.post("/v1/chat/completions", CHAT).text


def test_equal_requests_get_equal_responses(upstream: Upstream) -> None:
    assert upstream.post("/v1/messages", CHAT).text == upstream.post("/v1/messages", CHAT).text


def test_a_streamed_chat_has_the_same_text_and_ends_with_done(upstream: Upstream) -> None:
    text = upstream.post("/v1/chat/completions", {**CHAT, "stream": True}).text
    answer = "".join(one["choices"][0]["delta"].get("content", "") for one in events(text))
    assert SIGNATURE in answer
    assert text.endswith("data: [DONE]\n\n")


def test_a_streamed_chat_contains_usage_only_if_requested(upstream: Upstream) -> None:
    plain = upstream.post("/v1/chat/completions", {**CHAT, "stream": True}).text
    requested = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    assert "usage" not in plain
    assert events(upstream.post("/v1/chat/completions", requested).text)[-1]["usage"]["total_tokens"] > 0


def test_streamed_messages_have_their_events_in_order(upstream: Upstream) -> None:
    kinds = [one["type"] for one in events(upstream.post("/v1/messages", {**CHAT, "stream": True}).text)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_streamed_response_ends_with_the_whole_response(upstream: Upstream) -> None:
    last = events(upstream.post("/v1/responses", {**RESPONSE, "stream": True}).text)[-1]
    assert last["type"] == "response.completed"
    assert SIGNATURE in last["response"]["output"][0]["content"][0]["text"]


def test_the_tokens_of_a_prompt_can_be_counted(upstream: Upstream) -> None:
    assert json.loads(upstream.post("/v1/messages/count_tokens", CHAT).text)["input_tokens"] == 3


def test_a_model_that_is_not_listed_is_an_error(upstream: Upstream) -> None:
    reply = upstream.post("/v1/chat/completions", {**CHAT, "model": "gpt-5"})
    assert (reply.status, json.loads(reply.text)["error"]["message"]) == (502, "unknown provider for model gpt-5")


@pytest.mark.parametrize("body", [[], "text", {"model": "embedded-default", "messages": "odd"}, {"model": ["x"]}])
def test_a_body_of_the_wrong_shape_is_no_server_error(upstream: Upstream, body: object) -> None:
    assert upstream.post("/v1/chat/completions", body).status in (200, 502)


@pytest.mark.parametrize("body", [b"[" * 100_000, rb'{"model":"\ud800"}', b"\xff{}"])
def test_an_unreadable_body_names_an_unknown_model(upstream: Upstream, body: bytes) -> None:
    reply = upstream.post("/v1/chat/completions", body)
    assert reply.status == 502
    assert json.loads(reply.text)["error"]["message"].startswith("unknown provider for model")


def test_a_prompt_in_another_script_is_repeated_unchanged(upstream: Upstream) -> None:
    chat = {**CHAT, "messages": [{"role": "user", "content": "été жук \ud800"}]}
    reply = upstream.post("/v1/chat/completions", chat)
    assert "été жук \ufffd" in json.loads(reply.text)["choices"][0]["message"]["content"]


def test_a_path_cannot_add_a_line_to_the_log(upstream: Upstream) -> None:
    upstream.request("GET", "/a%0aforged")
    assert wait(lambda: "forged" in upstream.log)
    assert "\nforged" not in upstream.log


def test_the_log_contains_no_key(upstream: Upstream) -> None:
    upstream.request("GET", f"/v1/models?key={KEY}", headers={})
    assert wait(lambda: '"/v1/models"' in upstream.log)  # written after the response
    assert KEY not in upstream.log


def test_a_stream_takes_as_long_as_the_prompt_says(upstream: Upstream) -> None:
    chat = {**CHAT, "stream": True, "messages": [{"role": "user", "content": "hello (take 0.5 s)"}]}
    began = time.monotonic()
    text = upstream.post("/v1/chat/completions", chat).text
    assert text.rstrip().endswith("[DONE]")
    assert time.monotonic() - began > 0.4
