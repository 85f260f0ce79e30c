"""What `explain` says about requests: asked, tried, answered; also of rows without attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.cli.request_lines import describe_request
from flowgate.cli.served_requests import served_request

if TYPE_CHECKING:
    from flowgate.cli.served_requests import ServedRequest
    from flowgate.request_filter.recent import Attempt

HEADERS = {
    "x-litellm-call-id": "eeddf77a-4726",
    "x-litellm-model-name": "openai/gpt-5",
    "x-litellm-model-api-base": "http://127.0.0.1:8317/v1",
    "x-litellm-model-group": "router-default",
    "x-litellm-attempted-retries": "2",
    "x-litellm-attempted-fallbacks": "1",
}
FIRST_TRY = {**HEADERS, "x-litellm-attempted-retries": "0", "x-litellm-attempted-fallbacks": "0"}
HEAD = "1970-01-01T00:00:00.000Z  200  1.23 s  generation 7  eeddf77a  "


def served(headers: dict[str, str] | None = None, **more: Any) -> ServedRequest:
    row = {"path": "/v1/chat/completions", "method": "POST", "at": 0.0, "seconds": 1.234, "status": 200}
    return served_request({**row, "generation": 7, "headers": headers or {}, **more})  # type: ignore[typeddict-item]


def text(one: ServedRequest) -> list[str]:
    return list(describe_request(one))


def attempt(model: str, **more: Any) -> Attempt:
    known = {"deployment": f"openai/{model}", "id": model, "host": "h:1", "at": 0.0, "seconds": 0.5, "status": None}
    return {"model": model, **known, "error": "", **more}  # type: ignore[typeddict-item]


REFUSED = {"error": "connection refused", "status": 500}
FALLBACKS = [attempt("local", **REFUSED), attempt("local", **REFUSED), attempt("vllm", **REFUSED), attempt("cheap")]


def test_fallbacks_are_told_with_each_attempt() -> None:
    found = served({"x-litellm-model-group": "cheap", **FIRST_TRY}, attempts=FALLBACKS)
    assert (found["asked"], found["answered"], found["base"]) == ("local", "openai/cheap", "h:1")
    assert (found["retries"], found["fallbacks"]) == (1, 2)
    assert text(found) == [
        HEAD + "local answered by openai/cheap at h:1, after 1 retry, by fallback 2",
        "    1. local: openai/local at h:1: connection refused (500) after 0.50 s",
        "    2. local: openai/local at h:1: connection refused (500) after 0.50 s",
        "    3. vllm: openai/vllm at h:1: connection refused (500) after 0.50 s",
        "    4. cheap: openai/cheap at h:1: answered after 0.50 s",
    ]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/chat/completions"])
def test_an_answer_without_headers_is_known_from_its_attempt(path: str) -> None:
    [line] = text(served(path=path, attempts=[attempt("local")]))
    assert line.endswith("local answered by openai/local at h:1, at the first try, no fallback")


def test_a_failed_request_names_what_was_asked_and_who_failed() -> None:
    found = served(status=500, attempts=[attempt("local", **REFUSED)])
    assert (found["asked"], found["answered"]) == ("local", "")
    head, tried = text(found)
    assert head.endswith("local /v1/chat/completions: no deployment answered")
    assert tried == "    1. local: openai/local at h:1: connection refused (500) after 0.50 s"


def test_a_request_that_was_refused_has_no_attempt_but_its_model() -> None:
    [line] = text(served(status=401, model="local", attempts=[]))
    assert line.endswith("401  1.23 s  generation 7  local /v1/chat/completions: no deployment was asked")


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        (attempt("m", error="not asked", obstacle="it is stopped"), "m: openai/m at h:1: not asked: it is stopped"),
        (attempt("m", deployment="", host="", error="in cooldown"), "m: no deployment is available: in cooldown"),
        (attempt("m", error="X", obstacle="no file left"), "m: openai/m at h:1: X: no file left after 0.50 s"),
        (attempt("m", error="the stream broke off"), "m: openai/m at h:1: the stream broke off after 0.50 s"),
        (attempt("m", host="", error="Timeout", status=408), "m: openai/m: Timeout (408) after 0.50 s"),
    ],
)
def test_an_attempt_is_described_in_one_line(one: Attempt, wanted: str) -> None:
    assert wanted in text(served(status=503, attempts=[one]))[1]


def test_refused_requests_share_a_row() -> None:
    [line] = text(served(status=401, count=3, refused="no key"))
    assert line.endswith("/v1/chat/completions: refused by FlowGate: no key (the last of 3 such requests)")


def test_a_refused_request_says_why() -> None:
    [line] = text(served(status=404, model="bgi", refused="no model is called 'bgi'", attempts=[]))
    assert line.endswith("bgi /v1/chat/completions: refused by FlowGate: no model is called 'bgi'")


def test_a_request_in_progress_says_so() -> None:
    row: Any = {"path": "/v1/messages", "method": "POST", "at": 0.0, "generation": 7, "attempts": []}
    assert text(served_request(row)) == [
        "1970-01-01T00:00:00.000Z  -  in progress  generation 7  /v1/messages: in progress"
    ]


def test_flowgates_own_requests_are_marked() -> None:
    assert "(sent by FlowGate) local answered" in text(served(own=True, attempts=[attempt("local")]))[0]


def test_without_attempts_the_headers_say_who_answered() -> None:
    found = served(HEADERS)
    assert found["attempts"] is None
    assert text(found) == [
        HEAD + "router-default answered by openai/gpt-5 at http://127.0.0.1:8317/v1, after 2 retries, by fallback 1"
    ]
    assert text(served(FIRST_TRY))[0].endswith(", at the first try, no fallback")


def test_without_attempts_and_headers_nothing_is_claimed() -> None:
    found = served({"x-litellm-call-id": "1"})
    assert (found["answered"], found["retries"], found["attempts"]) == ("", None, None)
    assert text(found)[0].endswith("who answered is not known")
