"""Paths of clients with a mistaken base URL."""

from __future__ import annotations

import pytest

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter import paths
from flowgate.request_filter.paths import meant
from tests.unit.request_filter.echoing import send

MISTAKEN = {
    "//v1/chat/completions": "/v1/chat/completions",
    "/v1//chat/completions": "/v1/chat/completions",
    "///v1///models": "/v1/models",
    "/v1/v1/chat/completions": "/v1/chat/completions",
    "/v1/v1/v1/models": "/v1/models",
    "/v1/v1beta/models/m:generateContent": "/v1beta/models/m:generateContent",
    "/v1/models/m:generateContent": "/v1beta/models/m:generateContent",
    "/models/a/b:c:streamGenerateContent": "/v1beta/models/a/b:c:streamGenerateContent",
    "/v1/models/m:countTokens": "/v1beta/models/m:countTokens",
    "//v1beta/models/m:generateContent": "/v1beta/models/m:generateContent",
    "/v1/chat/completions/": "/v1/chat/completions",
    "/v1/chat/completions/chat/completions": "/v1/chat/completions",
    "/v1/chat/completions/v1/chat/completions": "/v1/chat/completions",
    "/messages": "/v1/messages",
    "//messages": "/v1/messages",
    "/messages/count_tokens": "/v1/messages/count_tokens",
    "/v1/messages/v1/messages": "/v1/messages",
    "/v1/v1/messages/": "/v1/messages",
    "/v1/responses/responses": "/v1/responses",
    "/v1/models/": "/v1/models",
    "//health/readiness": "/health/readiness",
}
RIGHT = [
    *("/v1/chat/completions", "/chat/completions", "/responses", "/v1/models", "/models", "/v1/models/llama3:8b"),
    *("/", "/ui/", "/ui//x", "/v1", "/v1/", "/vendor//x", "/v1/threads/t/messages", "/v1/files/f/content"),
    *("/anthropic/v1/messages", "/health//x"),
]


@pytest.mark.parametrize("path", MISTAKEN)
def test_a_mistaken_path_is_understood(path: str) -> None:
    assert send(RequestRules(), path, {}).tree["path"] == MISTAKEN[path]


@pytest.mark.parametrize("path", RIGHT)
def test_other_paths_stay_as_they_are(path: str) -> None:
    assert meant(path) == path


@pytest.mark.parametrize("path", [*MISTAKEN, *RIGHT])
def test_a_path_that_is_understood_stays(path: str) -> None:
    assert meant(meant(path)) == meant(path)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "//v1/models", "/v1/models/m", "/health/readiness"])
def test_a_head_that_only_looks_is_answered_as_a_get(path: str) -> None:
    assert send(RequestRules(), path, method="HEAD").status == 200


@pytest.mark.parametrize("path", ["/v1/files", "/v1/chat/completions"])
def test_other_heads_are_the_apps(path: str) -> None:
    assert send(RequestRules(), path, method="DELETE").tree["method"] == "DELETE"


@pytest.mark.parametrize("path", ["/", ""])
def test_a_head_of_the_root_asks_whether_the_gateway_is_alive_and_needs_no_key(path: str) -> None:
    scope = paths.normalized({"type": "http", "method": "HEAD", "path": path, "headers": []})
    assert (scope["method"], scope["path"]) == ("GET", "/health/liveliness")


def test_a_get_of_the_root_is_left_to_the_app() -> None:
    assert paths.normalized({"type": "http", "method": "GET", "path": "/", "headers": []})["path"] == "/"
