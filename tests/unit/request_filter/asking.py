"""A filter with keys of clients, around an app that tells everything it got."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from flowgate.clients.keys import Keys
from flowgate.domain.client_keys import Limits
from flowgate.gateway import client_paths
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules
from tests.unit.request_filter.echoing import KEYS, Answer

if TYPE_CHECKING:
    from starlette.requests import Request

CHAT = "/v1/chat/completions"
BODY = {"model": "router-default", "messages": [{"role": "user", "content": "x"}]}
RULES = replace(
    KEYS,
    client_paths=client_paths.PATHS,
    user_header="X-User",
    user_headers=("X-User", "X-Customer"),
    metadata_header="X-Metadata",
)
LISTED = {"object": "list", "data": [{"id": "router-default"}, {"id": "router-cheap"}, {"id": "big"}]}


async def tell(request: Request) -> JSONResponse:
    """Respond with everything that the app got; with a list of models where they are asked for."""
    if request.url.path == "/v1/models":
        return JSONResponse(LISTED)
    body = (await request.body()).decode("utf-8", "replace")
    return JSONResponse({"headers": dict(request.headers), "query": request.url.query, "body": body})


@dataclass
class Gateway:
    """A filter, and the file of keys that it watches."""

    keys: Keys
    layer: RequestFilter = field(init=False)

    def __post_init__(self) -> None:
        """Put the filter around the app."""
        self.layer = self.worker()

    def worker(self, **rules: Any) -> RequestFilter:
        """Return the filter of a further worker."""
        app = Starlette(routes=[Route("/{path:path}", tell, methods=["GET", "POST", "DELETE"])])
        given = replace(RULES, client_keys=str(self.keys.path), **rules)
        return RequestFilter(app, FilterRules("7", 0, ("x-litellm-",), requests=given))

    def add(self, name: str = "codex", **limits: Any) -> str:
        """Make the key of a client."""
        return self.keys.add(name, Limits(**limits)).reveal()

    def ask(self, key: str, path: str = CHAT, body: Any = BODY, *, method: str = "POST", **more: Any) -> Answer:
        """Send a request with a key in `Authorization`."""
        return self.send({"authorization": f"Bearer {key}"} if key else {}, path, body, method=method, **more)

    def send(
        self, headers: dict[str, str], path: str = CHAT, body: Any = BODY, *, method: str = "POST", **more: Any
    ) -> Answer:
        """Send a request with these headers."""
        layer = more.get("layer", self.layer)
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if method == "POST" else None

        async def one() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(layer)) as client:
                return await client.request(method, f"http://gateway{path}", content=content, headers=headers)

        got = asyncio.run(one())
        return Answer(got.status_code, got.headers, got.json())


def gateway(folder: Path) -> Gateway:
    """Return a gateway without clients."""
    return Gateway(Keys(folder / "secrets" / "client-keys.json", folder / "lock"))
