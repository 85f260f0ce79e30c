"""Errors of a full context window reach each client in the words that it knows."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.request_filter import context_window

if TYPE_CHECKING:
    from starlette.types import Message

OPENAI = "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens."
RESPONSES = "Your input exceeds the context window of this model. Please adjust your input and try again."
ANTHROPIC = "prompt is too long: 150000 tokens > 128000 maximum"
GEMINI = "The input token count (150000) exceeds the maximum number of tokens allowed (128000)."
VENDORS = [OPENAI, RESPONSES, ANTHROPIC, GEMINI]
CHAT, MESSAGES, RESPONSE, GOOGLE = (
    *("/v1/chat/completions", "/v1/messages", "/v1/responses"),
    "/v1beta/models/m:streamGenerateContent",
)
CODEX = [(b"user-agent", b"codex_exec/0.171.0")]


def as_litellm(words: str) -> bytes:
    """Return an error as LiteLLM makes it of a vendor's."""
    vendor = json.dumps({"error": {"message": words, "type": "invalid_request_error", "code": None}})
    text = (
        f"litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - {vendor}\nmodel=m. fallbacks="
    )
    text += "None.\n\nSet 'context_window_fallback'\n\nLiteLLM: model group 'm' failed with the error above."
    return json.dumps({"error": {"message": text, "type": "invalid_request_error", "code": "400"}}).encode()


def answered(path: str, *parts: bytes, status: int = 400, headers: Any = ()) -> tuple[int, bytes]:
    """Return status and body of a response that passes the translation."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def respond() -> None:
        translate = context_window.translated({"type": "http", "path": path, "headers": list(headers)}, send)
        await translate({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"7")]})
        for number, part in enumerate(parts):
            more = number + 1 < len(parts)
            await translate({"type": "http.response.body", "body": part, "more_body": more})

    asyncio.run(respond())
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


@pytest.mark.parametrize("words", VENDORS)
def test_clients_of_openai_get_its_code(words: str) -> None:
    for path in (CHAT, RESPONSE, "/chat/completions"):
        status, body = answered(path, as_litellm(words))
        assert (status, json.loads(body)["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("words", [OPENAI, ANTHROPIC, GEMINI])
def test_clients_of_anthropic_and_google_get_the_vendors_numbers(words: str) -> None:
    assert ANTHROPIC in json.loads(answered(MESSAGES, as_litellm(words))[1])["error"]["message"]
    assert GEMINI in json.loads(answered(GOOGLE, as_litellm(words))[1])["error"]["message"]


def test_without_numbers_none_are_made_up() -> None:
    message = json.loads(answered(MESSAGES, as_litellm(RESPONSES))[1])["error"]["message"]
    assert message == f"prompt is too long ({RESPONSES})"


@pytest.mark.parametrize("words", VENDORS)
def test_codex_gets_a_stream_that_fails_with_the_code(words: str) -> None:
    status, body = answered(RESPONSE, as_litellm(words), headers=CODEX)
    tree = json.loads(body.split(b"data: ")[1])
    assert (status, tree["type"]) == (200, "response.failed")
    assert tree["response"]["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("words", VENDORS)
def test_an_error_in_a_stream_is_translated(words: str) -> None:
    inner = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": f"litellm.BadRequestError: {words}"},
    }
    status, body = answered(MESSAGES, b"event: error\ndata: " + json.dumps(inner).encode() + b"\n\n", status=200)
    assert (status, body[:20]) == (200, b"event: error\ndata: {")
    assert b"prompt is too long" in body
    failed = {"type": "response.failed", "response": {"id": "r", "error": {"code": "x", "message": words}}}
    _, body = answered(RESPONSE, b"event: response.failed\ndata: " + json.dumps(failed).encode() + b"\n\n", status=200)
    error = json.loads(body.split(b"data: ")[1])["response"]["error"]
    assert error["code"] == "context_length_exceeded"
    assert words[:40] in error["message"]


OTHER = [b'{"error":{"message":"temperature is too high"}}', b"", b"not JSON", b'{"error":{"message":"max_tokens"}}']


@pytest.mark.parametrize("body", OTHER)
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSE, GOOGLE])
def test_other_errors_stay_byte_for_byte(path: str, body: bytes) -> None:
    assert answered(path, body[:5], body[5:], headers=CODEX) == (400, body)


@pytest.mark.parametrize(
    "part", [b"data: {}\n\n", b'data: {"error":{"message":"x"}}\n\n', b"event: error\ndata: no\n\n"]
)
def test_other_streams_stay_byte_for_byte(part: bytes) -> None:
    assert answered(CHAT, part, b"data: [DONE]\n\n", status=200) == (200, part + b"data: [DONE]\n\n")


def test_a_success_that_mentions_the_words_stays() -> None:
    assert answered(CHAT, as_litellm(OPENAI), status=200) == (200, as_litellm(OPENAI))


def test_paths_that_ask_no_model_stay() -> None:
    assert answered("/v1/files", as_litellm(OPENAI)) == (400, as_litellm(OPENAI))


@pytest.mark.parametrize("data", [b"[]", b'"prompt is too long"', b"7", b"null", b"prompt is too long"])
def test_an_event_of_another_shape_passes_as_it_is(data: bytes) -> None:
    part = b"event: error\nid: prompt is too long\ndata: " + data + b"\n\n"
    assert answered(CHAT, part, status=200) == (200, part)
