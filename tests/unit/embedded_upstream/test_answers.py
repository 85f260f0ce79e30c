"""Answers, whole and streamed, in the four dialects."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.conftest import wait
from tests.unit.embedded_upstream.conftest import MODELS, Upstream

SIGNATURE = "FlowGate's embedded upstream answering for embedded-default"
QUESTION = {"model": "embedded-default", "messages": [{"role": "user", "content": "are you there?"}]}
RESPONSE = {"model": "embedded-default", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}


def events(text: str) -> list[dict[str, Any]]:
    found = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in found if line != "[DONE]"]


def test_its_models_are_listed(upstream: Upstream) -> None:
    listed = json.loads(upstream.ask("GET", "/v1/models", headers={"X-Api-Key": "sk-for-the-test"}).text)
    assert [one["id"] for one in listed["data"]] == list(MODELS)


@pytest.mark.parametrize(
    "path, body, where",
    [
        ("/v1/chat/completions", QUESTION, lambda tree: tree["choices"][0]["message"]["content"]),
        ("/v1/completions", {"model": "embedded-default", "prompt": "x"}, lambda tree: tree["choices"][0]["text"]),
        ("/v1/messages", QUESTION, lambda tree: tree["content"][0]["text"]),
        ("/v1/responses", RESPONSE, lambda tree: tree["output"][0]["content"][0]["text"]),
    ],
)
def test_an_answer_says_where_it_comes_from(upstream: Upstream, path: str, body: object, where: Any) -> None:
    assert SIGNATURE in where(json.loads(upstream.post(path, body).text))


def test_the_question_is_repeated(upstream: Upstream) -> None:
    assert "are you there?" in upstream.post("/v1/chat/completions", QUESTION).text


def test_the_same_question_gets_the_same_answer(upstream: Upstream) -> None:
    assert upstream.post("/v1/messages", QUESTION).text == upstream.post("/v1/messages", QUESTION).text


def test_a_streamed_chat_ends_with_done_and_says_the_same(upstream: Upstream) -> None:
    text = upstream.post("/v1/chat/completions", {**QUESTION, "stream": True}).text
    said = "".join(one["choices"][0]["delta"].get("content", "") for one in events(text))
    assert SIGNATURE in said
    assert text.endswith("data: [DONE]\n\n")


def test_a_streamed_chat_tells_its_usage_only_when_asked(upstream: Upstream) -> None:
    plain = upstream.post("/v1/chat/completions", {**QUESTION, "stream": True}).text
    asked = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    assert "usage" not in plain
    assert events(upstream.post("/v1/chat/completions", asked).text)[-1]["usage"]["total_tokens"] > 0


def test_streamed_messages_follow_the_order_of_events(upstream: Upstream) -> None:
    kinds = [one["type"] for one in events(upstream.post("/v1/messages", {**QUESTION, "stream": True}).text)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_streamed_response_ends_with_the_whole_of_it(upstream: Upstream) -> None:
    last = events(upstream.post("/v1/responses", {**RESPONSE, "stream": True}).text)[-1]
    assert last["type"] == "response.completed"
    assert SIGNATURE in last["response"]["output"][0]["content"][0]["text"]


def test_tokens_are_counted_without_an_answer(upstream: Upstream) -> None:
    assert json.loads(upstream.post("/v1/messages/count_tokens", QUESTION).text)["input_tokens"] == 3


def test_a_model_that_is_not_listed_is_refused(upstream: Upstream) -> None:
    reply = upstream.post("/v1/chat/completions", {**QUESTION, "model": "gpt-5"})
    assert (reply.status, json.loads(reply.text)["error"]["message"]) == (502, "unknown provider for model gpt-5")


@pytest.mark.parametrize("body", [[], "text", {"model": "embedded-default", "messages": "odd"}, {"model": ["x"]}])
def test_odd_bodies_never_break_it(upstream: Upstream, body: object) -> None:
    assert upstream.post("/v1/chat/completions", body).status in (200, 502)


@pytest.mark.parametrize("body", [b"[" * 100_000, rb'{"model":"\ud800"}', b"\xff{}"])
def test_what_cannot_be_read_or_written_back_is_an_unknown_model(upstream: Upstream, body: bytes) -> None:
    reply = upstream.post("/v1/chat/completions", body)
    assert reply.status == 502
    assert json.loads(reply.text)["error"]["message"].startswith("unknown provider for model")


def test_a_question_in_another_script_is_repeated_as_it_was_asked(upstream: Upstream) -> None:
    question = {**QUESTION, "messages": [{"role": "user", "content": "été жук \ud800"}]}
    reply = upstream.post("/v1/chat/completions", question)
    assert "été жук \ufffd" in json.loads(reply.text)["choices"][0]["message"]["content"]


def test_a_path_cannot_write_lines_of_its_own_into_the_log(upstream: Upstream) -> None:
    upstream.ask("GET", "/a%0aforged")
    assert "\nforged" not in upstream.config.with_name("log").read_text()


def test_no_key_reaches_its_log(upstream: Upstream) -> None:
    upstream.ask("GET", "/v1/models?key=sk-for-the-test")
    log = upstream.config.with_name("log")
    assert wait(lambda: '"/v1/models"' in log.read_text())  # written when the answer is on its way
    assert "sk-for-the-test" not in log.read_text()


def test_a_stream_takes_as_long_as_the_question_says(upstream: Upstream) -> None:
    question = {**QUESTION, "stream": True, "messages": [{"role": "user", "content": "hello (take 0.5 s)"}]}
    began = time.monotonic()
    said = upstream.post("/v1/chat/completions", question).text
    assert said.rstrip().endswith("[DONE]")
    assert time.monotonic() - began > 0.4
