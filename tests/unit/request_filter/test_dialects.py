"""Error responses in the dialect of the client."""

from __future__ import annotations

import json

import pytest

from flowgate.request_filter.dialects import Kind, dialect, error_response

ANTHROPIC = [(b"anthropic-version", b"2023-06-01")]
GOOGLE = [(b"x-goog-api-key", b"sk-1")]
KINDS: list[Kind] = [
    *("no_key", "forbidden", "not_found", "unknown_model", "bad_request", "too_large", "too_many", "unavailable")
]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", "anthropic"),
        ("/messages", "anthropic"),
        ("//v1/messages/", "anthropic"),
        ("/anthropic/v1/messages", "anthropic"),
        ("/v1/threads/t1/messages", "openai"),
        ("/v1/chat/completions", "openai"),
        ("/v1/responses", "openai"),
        ("/v1/embeddings", "openai"),
        ("/v1/models", "openai"),
        ("/", "openai"),
        ("/v1beta/models/gemini-pro:generateContent", "google"),
        ("/models/gemini-pro:streamGenerateContent", "google"),
        ("/v1beta/models", "google"),
    ],
)
def test_the_path_decides_the_dialect(path: str, expected: str) -> None:
    assert dialect(path) == expected


def test_headers_decide_where_vendors_share_a_path() -> None:
    assert dialect("/v1/models", ANTHROPIC) == "anthropic"
    assert dialect("/v1/models", GOOGLE) == "google"


def test_headers_do_not_change_the_dialect_of_a_path_of_one_vendor() -> None:
    assert dialect("/v1/chat/completions", ANTHROPIC) == "openai"
    assert dialect("/v1/messages", GOOGLE) == "anthropic"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1beta/models/g:generateContent"])
def test_every_kind_has_a_message_and_its_length_in_every_dialect(path: str, kind: Kind) -> None:
    response = error_response(path, (), 404, kind, "no 'ü'", [(b"retry-after", b"1")])
    assert json.loads(response.body)["error"]["message"] == "no 'ü'"
    assert dict(response.headers)[b"content-length"] == str(len(response.body)).encode()
    assert dict(response.headers)[b"retry-after"] == b"1"


def test_each_dialect_has_the_vendors_shape() -> None:
    def tree(path: str) -> object:
        return json.loads(error_response(path, (), 401, "no_key", "m").body)

    openai = {"message": "m", "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
    assert tree("/v1/chat/completions") == {"error": openai}
    assert tree("/v1/messages") == {"type": "error", "error": {"type": "authentication_error", "message": "m"}}
    google = {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}
    assert tree("/v1beta/models/g:generateContent") == {"error": google}
