"""A filter around a small app that tells what it got, and a client for it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flowgate.domain.request_rules import RequestRules
from flowgate.gateway.request_rules import KEY_HEADERS
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "sk-gateway"
MODELS = ("router-default", "router-cheap", "embedder")
RULES = RequestRules(
    models=MODELS,
    further_models=("some-id",),
    patterns=("local/*",),
    any_model=False,
    refused={
        "router-default": ("embeddings", "moderations", "images"),
        "router-cheap": ("embeddings", "moderations"),
        "embedder": ("text", "moderations", "images"),
        "local/*": ("embeddings", "moderations"),
    },
)
KEYS = RequestRules(
    key_source="tests.unit.request_filter.echoing:accepted_keys",
    key_headers=KEY_HEADERS,
    open_paths=("/health/readiness", "/health/liveliness"),
    unchecked_paths=("/", "/metrics", "/vendor", "/vendor/*"),
)


def accepted_keys() -> tuple[str, ...]:
    """Return the keys that the app accepts."""
    return (KEY,)


def no_keys() -> tuple[str, ...]:
    """Return that the app has no key."""
    return ()


def knows_gpt(name: str) -> bool:
    """Return whether an app knows a name that its rules do not list."""
    return name.startswith("gpt-")


def read(content: bytes) -> Any:
    """Return JSON as a tree, other bodies as text."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


async def echo(request: Request) -> JSONResponse:
    """Respond with the request: method, path, key and body."""
    body = await request.body()
    names = ("x-litellm-api-key", "authorization", "x-api-key", "x-own-key", "content-encoding", "content-length")
    sent = {name: request.headers[name] for name in names if name in request.headers}
    return JSONResponse(
        {"method": request.method, "path": request.url.path, "headers": sent, "body": body.decode("utf-8", "replace")}
    )


def echoing(rules: RequestRules) -> RequestFilter:
    """Return a filter around the app."""
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE"])])
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    return RequestFilter(app, FilterRules("7", 0, ("x-litellm-",), requests=rules))


@dataclass(frozen=True)
class Answer:
    """A response: of the app, or of the filter."""

    status: int
    headers: httpx.Headers
    tree: Any

    @property
    def message(self) -> str:
        """Return the sentence of an error, in all three dialects."""
        found: str = self.tree["error"]["message"]
        return found


def send(
    to: RequestRules | RequestFilter,
    path: str,
    body: object = None,
    *,
    method: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request; a body that is not bytes is sent as JSON."""
    layer = to if isinstance(to, RequestFilter) else echoing(to)
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    about = {} if body is None else {"content-type": "application/json"}
    sent = [(name.encode(), value.encode("latin-1")) for name, value in {**about, **(headers or {})}.items()]

    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(layer)) as client:
            verb = method or ("GET" if body is None else "POST")
            return await client.request(verb, f"http://gateway{path}", content=content, headers=sent)

    got = asyncio.run(one())
    return Answer(got.status_code, got.headers, read(got.content))
