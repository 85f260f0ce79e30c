"""What the request filter around LiteLLM's app costs each request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection, Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules
from tests.bench.measure import Group, Row, alternate

REQUESTS = 5000
HEADERS = [(f"x-litellm-header-{number}".encode(), b"a value of some length") for number in range(20)]


KEY = "sk-a-key-of-the-gateway-with-a-usual-length"
BODY = json.dumps(
    {"model": "router-default", "messages": [{"role": "user", "content": "a line of a prompt. " * 400}], "stream": True}
).encode()
REQUEST_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    (b"authorization", b"Bearer " + KEY.encode()),
    *((f"x-client-header-{number}".encode(), b"a value") for number in range(8)),
]
RULES = RequestRules(
    key_source="tests.bench.layer:accepted_keys",
    models=("router-default", "router-cheap"),
    any_model=False,
    refused=dict.fromkeys(("router-default", "router-cheap"), ("embeddings", "moderations")),
)


def accepted_keys() -> tuple[str, ...]:
    """Return the key of the requests."""
    return (KEY,)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as LiteLLM does."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> Message:
    """Return the body of a request."""
    return {"type": "http.request", "body": BODY, "more_body": False}


async def send(message: Message) -> None:
    """Take a response."""


def request_scope() -> Scope:
    """Return the scope of a request."""
    return {
        "type": "http",
        "path": "/v1/chat/completions",
        "method": "POST",
        "server": ("127.0.0.1", 1),
        "headers": REQUEST_HEADERS,
        "query_string": b"",
    }


def _measure(app: ASGIApp) -> float:
    """Return the seconds that one request takes."""

    async def send_requests() -> float:
        began = time.perf_counter()
        for _ in range(REQUESTS):
            await app(request_scope(), receive, send)
        return (time.perf_counter() - began) / REQUESTS

    return asyncio.run(send_requests())


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the app with and without the filter."""
    filtered = RequestFilter(answer, FilterRules(recorded_headers=("x-litellm-",), requests=RULES))
    with_it, without = alternate(pairs, lambda: _measure(filtered), lambda: _measure(answer))
    yield Row("layer", "the request filter, for each request to LiteLLM", (with_it - without) * 1000, None, 0.1, "ms")


LAYER = Group(("layer",), run)
