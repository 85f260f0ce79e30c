"""The rows of requests: which are kept, what the app's attempts add, and when a 503 replaces an app's error."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from flowgate.request_filter.recent import Attempt, RecentRequest

RULES = FilterRules("7", 4000, ("x-litellm-",), tracks_attempts=True)
DOWN = "cliproxyapi_plus is stopped"


def attempt(**given: Any) -> Attempt:
    known = {"model": "big", "deployment": "openai/b", "id": "1", "host": "a:1", "at": 0.0, "seconds": 0.1}
    return {**known, "status": None, "error": "", **given}  # type: ignore[typeddict-item]


def layer(status: int, *attempts: Attempt, body: bytes = b"{}", rules: FilterRules = RULES) -> RequestFilter:
    """Return a filter around an app that makes these attempts, then sends this response."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        row = CURRENT.get()
        assert row is not None
        row.setdefault("attempts", []).extend(attempts)
        headers = [(b"x-litellm-call-id", b"id-1"), (b"access-control-allow-origin", b"*")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return RequestFilter(app, rules)


def send(one: RequestFilter, path: str = "/v1/chat/completions", **more: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send a request; return status, headers and body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def collect(message: Message) -> None:
        sent.append(message)

    about = {"type": "http", "method": "POST", "path": path, "server": ("127.0.0.1", 4000), "headers": [], **more}
    asyncio.run(one(about, receive, collect))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(one.get("body", b"") for one in sent)


def row(one: RequestFilter) -> RecentRequest:
    [found] = one.recent.rows()
    return found


@pytest.mark.parametrize("status", [200, 400, 401, 404, 429, 500])
def test_every_request_for_a_model_is_kept_whatever_its_status(status: int) -> None:
    one = layer(status)
    send(one)
    assert (row(one)["status"], row(one)["attempts"], "own" in row(one)) == (status, [], False)


def test_a_request_that_is_held_too_long_is_kept() -> None:
    one = layer(200)
    one.holding.hold(0.0)
    status, headers, _ = send(one)
    assert (status, headers[b"retry-after"], row(one)["status"]) == (503, b"1", 503)
    assert "seconds" in row(one)


def test_requests_without_a_valid_key_share_the_newest_row() -> None:
    one = layer(200)
    for at in (1.0, 2.0, 3.0):
        one.recent.keep_refused({"path": "/v1/messages", "method": "POST", "at": at, "status": 401})
    assert (row(one)["count"], row(one)["at"]) == (3, 3.0)


def test_without_recorded_headers_nothing_is_kept() -> None:
    one = layer(200, rules=FilterRules())
    send(one)
    assert one.recent.rows() == []


@pytest.mark.parametrize(
    "about", [{"server": ("127.0.0.1", 5000)}, {"headers": [(b"x-flowgate-probe", b"smoke")]}], ids=["port", "header"]
)
def test_what_flowgate_sends_itself_is_marked(about: dict[str, Any]) -> None:
    one = layer(200)
    send(one, **about)
    assert row(one)["own"] is True


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/chat/completions", ("error", "message")),
        ("/v1/messages", ("error", "message")),
        ("/v1/responses", ("error", "message")),
        ("/v1beta/models/big:generateContent", ("error", "message")),
    ],
)
@pytest.mark.parametrize("status", [424, 500, 429])
def test_a_deployment_that_was_not_to_blame_is_a_503_in_each_dialect(
    path: str, where: tuple[str, str], status: int
) -> None:
    one = layer(status, attempt(error="not asked", obstacle=DOWN))
    code, headers, body = send(one, path)
    assert (code, headers[b"retry-after"], headers[b"access-control-allow-origin"]) == (503, b"5", b"*")
    assert DOWN in json.loads(body)[where[0]][where[1]]
    assert row(one)["status"] == 503
    assert row(one).get("headers") == {"x-litellm-call-id": "id-1"}


def test_an_anthropic_client_gets_its_own_shape() -> None:
    body = send(layer(500, attempt(error="x", obstacle=DOWN)), "/v1/messages")[2]
    assert json.loads(body)["type"] == "error"


def test_the_reason_names_the_fallback_that_failed_too() -> None:
    tried = (attempt(error="not asked", obstacle=DOWN), attempt(model="small", error="InternalServerError", status=500))
    assert f"{DOWN} (and small: 500)" in send(layer(424, *tried))[2].decode()


@pytest.mark.parametrize(
    "tried",
    [
        [attempt(error="BadRequestError", status=400)],
        [attempt(error="connection refused", obstacle="no file left"), attempt(error="BadRequestError", status=400)],
        [],
    ],
)
def test_an_error_of_a_deployment_or_the_client_is_passed_on(tried: list[Attempt]) -> None:
    assert send(layer(400, *tried))[0] == 400


def test_an_answer_after_an_obstacle_is_passed_on() -> None:
    tried = (attempt(error="not asked", obstacle=DOWN), attempt(model="small"))
    assert send(layer(200, *tried))[0] == 200


@pytest.mark.parametrize("body", [b'data: {"error": {}}\n\n', b"event: error\ndata: {}\n\n"])
def test_a_stream_that_ends_with_an_error_event_broke_off(body: bytes) -> None:
    one = layer(200, attempt(), body=body)
    send(one)
    assert row(one)["attempts"][0]["error"] == "the stream broke off"
