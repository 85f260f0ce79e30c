"""The request filter around an app that responds to every request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

RULES = FilterRules(generation="7", public_port=4000, recorded_headers=("x-litellm-",))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.failed", "message": "Traceback\n  line\nValueError: no model\n"})
        return
    headers = [(b"X-LiteLLM-Model", b"gpt"), (b"set-cookie", b"secret")] if scope["path"] != "/plain" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def receive() -> Message:
    return {"type": "http.request"}


async def request(layer: RequestFilter, path: str = "/v1/models", port: int = 4000) -> tuple[int, dict[bytes, bytes]]:
    """Send a request; return the status and the headers of its response."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    about = {"method": "GET", "path": path, "query_string": b"key=sk-1", "server": ("127.0.0.1", port)}
    await layer({"type": "http", **about}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.fixture
def layer() -> RequestFilter:
    return RequestFilter(app, RULES)


def test_a_response_names_its_generation(layer: RequestFilter) -> None:
    status, headers = asyncio.run(request(layer))
    assert (status, headers[b"x-flowgate-generation"], b"connection" in headers) == (200, b"7", False)


def test_a_draining_worker_asks_clients_to_close(layer: RequestFilter) -> None:
    layer.draining = True
    assert asyncio.run(request(layer))[1][b"connection"] == b"close"


def test_only_recorded_headers_are_kept_and_no_query_string(layer: RequestFilter) -> None:
    asyncio.run(request(layer))
    [row] = layer.recent.rows()
    assert (row["path"], row["status"], row["headers"]) == ("/v1/models", 200, {"x-litellm-model": "gpt"})
    assert "sk-1" not in str(row)


def test_a_response_without_a_recorded_header_is_not_kept(layer: RequestFilter) -> None:
    asyncio.run(request(layer, "/plain"))
    assert layer.recent.rows() == []


def test_a_held_request_to_the_public_port_gets_503_after_its_time(layer: RequestFilter) -> None:
    layer.holding.hold(0.01)
    status, headers = asyncio.run(request(layer))
    assert (status, headers[b"retry-after"], layer.in_progress) == (503, b"1", 0)


def test_requests_to_the_private_port_are_never_held(layer: RequestFilter) -> None:
    layer.holding.hold(0.01)
    assert asyncio.run(request(layer, port=5000))[0] == 200


def test_released_requests_continue(layer: RequestFilter) -> None:
    async def release() -> int:
        layer.holding.hold(10.0)
        task = asyncio.create_task(request(layer))
        await asyncio.sleep(0)
        layer.holding.release()
        return (await task)[0]

    assert asyncio.run(release()) == 200


def test_the_error_of_a_failed_startup_is_kept(layer: RequestFilter) -> None:
    async def send(message: Message) -> None:
        pass

    asyncio.run(layer({"type": "lifespan"}, receive, send))
    assert layer.startup_error == "ValueError: no model"
