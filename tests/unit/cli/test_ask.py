"""Who served a request, in words."""

from __future__ import annotations

from typing import Any

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


def row(**headers: str) -> dict[str, Any]:
    about = {"path": "/v1/chat/completions", "at": 0.0, "seconds": 1.234, "status": 200, "generation": 7}
    return ask._row({**about, "headers": headers or HEADERS})


def test_a_served_request_says_who_and_why() -> None:
    assert ask.sentence(row()) == (
        "1970-01-01T00:00:00.000Z  200  1.23 s  generation 7  eeddf77a  router-default answered by openai/gpt-5 "
        "at http://127.0.0.1:8317/v1, after 2 retries, by fallback 1"
    )


def test_the_first_try_and_no_fallback_are_said_too() -> None:
    told = row(**{**HEADERS, "x-litellm-attempted-retries": "0", "x-litellm-attempted-fallbacks": "0"})
    assert ask.sentence(told).endswith(", at the first try, no fallback")


def test_a_request_that_nobody_served_says_so() -> None:
    told = row(**{"x-litellm-call-id": "1"})
    assert (told["answered"], told["retries"]) == ("", None)
    assert ask.sentence(told).endswith("no deployment answered")


@pytest.mark.parametrize("body", [{}, {"choices": []}, [], None])
def test_an_answer_without_text_is_none(body: object) -> None:
    with pytest.raises(CheckFailed, match="carries no text"):
        ask._text(body)


def test_a_stream_is_whole_only_with_its_end() -> None:
    line = 'data: {"choices": [{"delta": {"content": "hi"}}]}'
    assert list(ask._pieces(iter([line, "", "data: [DONE]"]))) == ["hi"]
    with pytest.raises(CheckFailed, match="without"):
        list(ask._pieces(iter([line])))
    with pytest.raises(CheckFailed, match="broke off"):
        list(ask._pieces(iter(['data: {"error": "x"}'])))
