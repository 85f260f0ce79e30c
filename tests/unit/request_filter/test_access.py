"""Keys: where they may stand, what a request without a valid one gets, and what needs none."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowgate.domain.request_rules import RequestRules
from tests.unit.request_filter.echoing import KEY, KEYS, echoing, send

if TYPE_CHECKING:
    from starlette.types import Message

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": []}
OWN_HEADER = replace(KEYS, key_headers=("X-Own-Key",))
WRONG = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer sk-other"},
    {"authorization": f"Bearer {KEY}x"},
    {"authorization": f"Bearer {KEY[:-1]}"},
    {"authorization": f"Bearer {KEY.upper()}"},
    {"authorization": f"Token {KEY}"},
    {"authorization": "Bearer k\u00c3\u00a4se"},
    {"authorization": "Basic %%%"},
    {"x-api-key": "sk-other"},
    {"cookie": f"token={KEY}"},
]
PLACES = [
    {"authorization": f"Bearer {KEY}"},
    {"authorization": f"bearer {KEY}"},
    {"authorization": f"BEARER   {KEY} "},
    {"authorization": KEY},
    {"authorization": "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()},
    {"authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()},
    {"x-api-key": KEY},
    {"X-Api-Key": KEY},
    {"api-key": KEY},
    {"x-goog-api-key": KEY},
    {"x-litellm-api-key": KEY},
    {"x-litellm-api-key": f"Bearer {KEY}"},
    {"ocp-apim-subscription-key": KEY},
    {"x-api-key": KEY, "authorization": "Bearer of-another-service"},
]


@pytest.mark.parametrize("headers", WRONG, ids=str)
def test_a_request_without_a_valid_key_is_refused(headers: dict[str, str]) -> None:
    got = send(KEYS, CHAT, BODY, headers=headers)
    assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
    assert "flowgate key path" in got.message


@pytest.mark.parametrize("headers", PLACES, ids=lambda one: " ".join(one))
def test_a_valid_key_is_accepted_wherever_clients_put_it(headers: dict[str, str]) -> None:
    assert send(KEYS, CHAT, BODY, headers=headers).status == 200


@pytest.mark.parametrize("headers", PLACES[-1:] + [{"authorization": KEY}], ids=str)
def test_a_key_that_the_app_would_not_find_is_moved(headers: dict[str, str]) -> None:
    assert KEY in str(send(KEYS, CHAT, BODY, headers=headers).tree["headers"])


@pytest.mark.parametrize("path", ["/v1/models?key=" + KEY, "/v1beta/models/m:generateContent?alt=sse&key=" + KEY])
def test_a_key_in_the_address_is_moved_to_a_header(path: str) -> None:
    got = send(KEYS, path)
    assert (got.status, got.tree["headers"]) == (200, {"x-litellm-api-key": f"Bearer {KEY}"})


def test_the_header_of_the_config_is_the_only_one() -> None:
    assert send(OWN_HEADER, CHAT, BODY, headers={"x-own-key": KEY}).status == 200
    assert send(OWN_HEADER, CHAT, BODY, headers={"x-own-key": f"Bearer {KEY}"}).status == 200
    assert send(OWN_HEADER, CHAT, BODY, headers={"authorization": f"Bearer {KEY}"}).status == 401


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        (CHAT, ("error", "code"), "invalid_api_key"),
        ("/v1/responses", ("error", "type"), "invalid_request_error"),
        ("/v1/embeddings", ("error", "code"), "invalid_api_key"),
        ("/v1/models", ("error", "code"), "invalid_api_key"),
        ("/nowhere", ("error", "code"), "invalid_api_key"),
        ("/v1/messages", ("error", "type"), "authentication_error"),
        ("/messages", ("error", "type"), "authentication_error"),
        ("//v1/messages/count_tokens", ("error", "type"), "authentication_error"),
        ("/v1beta/models/gemini:generateContent", ("error", "status"), "UNAUTHENTICATED"),
        ("/v1/models/gemini:streamGenerateContent", ("error", "status"), "UNAUTHENTICATED"),
    ],
)
def test_the_refusal_has_the_clients_shape(path: str, place: tuple[str, str], words: str) -> None:
    got = send(KEYS, path, BODY)
    assert (got.status, got.tree[place[0]][place[1]]) == (401, words)


def test_a_page_in_a_browser_can_read_the_refusal() -> None:
    got = send(KEYS, CHAT, BODY, headers={"origin": "http://localhost:3000"})
    assert (got.status, got.headers["access-control-allow-origin"]) == (401, "*")


def test_a_browser_may_ask_first() -> None:
    asks = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    assert send(KEYS, CHAT, method="OPTIONS", headers=asks).status == 200
    for header in asks:
        assert send(KEYS, CHAT, method="OPTIONS", headers={header: asks[header]}).status == 401


@pytest.mark.parametrize("path", ["/health/readiness", "/health/liveliness", "//health/readiness"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_need_no_key(path: str, method: str) -> None:
    assert send(KEYS, path, method=method).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/ui/", "/docs", "/redoc", "/openapi.json", "/routes", "/sso/key/generate", "/fallback/login"),
        *("/health", "/health/readiness/../../v1/models", "/health/readiness/", "/health/readiness%2f.."),
        *("/metrics/x", "/vendors"),
    ],
)
def test_everything_else_needs_one(path: str) -> None:
    assert send(KEYS, path).status == 401


def test_a_probe_cannot_be_used_to_send_something() -> None:
    assert send(KEYS, "/health/readiness", {}).status == 401


@pytest.mark.parametrize("path", ["/", "/metrics", "/vendor", "/vendor/x/y"])
def test_the_app_checks_the_keys_of_some_paths(path: str) -> None:
    assert send(KEYS, path).status == 200


@pytest.mark.parametrize("setting", ["general_settings.custom_auth", "DATABASE_URL"])
def test_every_key_passes_where_the_app_knows_further_ones(setting: str) -> None:
    assert send(replace(KEYS, own_keys=(setting,)), CHAT, BODY, headers={"authorization": "Bearer x"}).status == 200


@pytest.mark.parametrize(
    "rules", [RequestRules(), replace(KEYS, key_source="tests.unit.request_filter.echoing:no_keys")]
)
def test_the_app_decides_where_no_key_can_be_compared(rules: RequestRules) -> None:
    assert send(rules, CHAT, BODY).status == 200


def test_refusals_share_one_row_without_the_key() -> None:
    layer = echoing(KEYS)
    for number in range(3):
        send(layer, CHAT, BODY, headers={"authorization": f"Bearer sk-wrong-{number}"})
    [row] = layer.recent.rows()
    assert (row["count"], row["status"]) == (3, 401)
    assert "sk-wrong" not in str(row)


def test_a_websocket_without_a_key_is_refused() -> None:
    sent: list[Message] = []

    async def connect() -> None:
        async def collect(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        scope = {"type": "websocket", "path": "/v1/realtime", "headers": []}
        answers: list[dict[str, object]] = [{"websocket.http.response": {}}, {}]
        for extensions in answers:
            await echoing(KEYS)({**scope, "extensions": extensions}, receive, collect)

    asyncio.run(connect())
    response = ["websocket.http.response.start", "websocket.http.response.body"]
    assert [one["type"] for one in sent] == [*response, "websocket.close"]
