"""Which deployment answered a request, and what an answer must contain."""

from __future__ import annotations

import pytest

from flowgate.cli import ask
from flowgate.errors import CheckFailed

HEADERS = {
    "x-litellm-call-id": "eeddf77a-4726",
    "x-litellm-model-name": "openai/gpt-5",
    "x-litellm-model-api-base": "http://127.0.0.1:8317/v1",
    "x-litellm-model-group": "router-default",
    "x-litellm-attempted-retries": "2",
    "x-litellm-attempted-fallbacks": "1",
}
FIRST_TRY = {**HEADERS, "x-litellm-attempted-retries": "0", "x-litellm-attempted-fallbacks": "0"}


def served(headers: dict[str, str]) -> ask.ServedRequest:
    return ask._served(
        {
            "path": "/v1/chat/completions",
            "method": "POST",
            "at": 0.0,
            "seconds": 1.234,
            "status": 200,
            "generation": 7,
            "headers": headers,
        }
    )


def test_a_request_is_described_with_its_deployment() -> None:
    assert ask.describe_request(served(HEADERS)) == (
        "1970-01-01T00:00:00.000Z  200  1.23 s  generation 7  eeddf77a  router-default answered by openai/gpt-5 "
        "at http://127.0.0.1:8317/v1, after 2 retries, by fallback 1"
    )


def test_the_first_try_and_no_fallback_are_described_too() -> None:
    assert ask.describe_request(served(FIRST_TRY)).endswith(", at the first try, no fallback")


def test_a_deployment_without_an_address_has_no_at() -> None:
    headers = {name: value for name, value in FIRST_TRY.items() if name != "x-litellm-model-api-base"}
    assert ask.describe_request(served(headers)).endswith("answered by openai/gpt-5, at the first try, no fallback")


def test_a_request_that_no_deployment_answered_says_so() -> None:
    found = served({"x-litellm-call-id": "1"})
    assert (found["answered"], found["retries"]) == ("", None)
    assert ask.describe_request(found).endswith("no deployment answered")


@pytest.mark.parametrize("body", [{}, {"choices": []}, [], None])
def test_an_answer_without_text_is_an_error(body: object) -> None:
    with pytest.raises(CheckFailed, match="contains no text"):
        ask._answer_text(body)


def test_a_stream_needs_its_end() -> None:
    line = 'data: {"choices": [{"delta": {"content": "hi"}}]}'
    assert list(ask._stream_text([line, "", "data: [DONE]"])) == ["hi"]
    with pytest.raises(CheckFailed, match="without"):
        list(ask._stream_text([line]))
    with pytest.raises(CheckFailed, match="broke off"):
        list(ask._stream_text(['data: {"error": "x"}']))
