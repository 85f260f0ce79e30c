"""What our layer around LiteLLM's app costs each request: the count, the record for `inv explain`, a header."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, MutableMapping
from typing import Any

from flowgate.supervisor.worker_server import App, Gate
from tests.bench.measure import Group, Row, alternate

REQUESTS = 5000
HEADERS = [(f"x-litellm-header-{number}".encode(), b"a value of some length") for number in range(20)]


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def _receive() -> MutableMapping[str, Any]:
    return {"type": "http.request"}


async def _send(message: MutableMapping[str, Any]) -> None:
    pass


def _each(app: App) -> float:
    """Give the seconds that one request takes."""

    async def ask() -> float:
        began = time.perf_counter()
        for _ in range(REQUESTS):
            scope = {"type": "http", "path": "/v1/chat/completions", "method": "POST", "server": ("127.0.0.1", 1)}
            await app(scope, _receive, _send)
        return (time.perf_counter() - began) / REQUESTS

    return asyncio.run(ask())


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the app with and without the layer."""
    gate = Gate(_app)
    gate.recorded = ("x-litellm-",)
    with_it, without = alternate(pairs, lambda: _each(gate), lambda: _each(_app))
    yield Row("layer", "our layer around each request of LiteLLM", (with_it - without) * 1000, None, 0.1, "ms")


LAYER = Group(("layer",), run)
