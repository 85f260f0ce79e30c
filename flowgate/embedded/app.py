"""The HTTP surface: the real program's routes, its key check, its refusals word for word.

Source: recorded answers of v6.8.16-0 (`tests/embedded/data/`)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from flowgate.embedded import answers
from flowgate.embedded.answers import Answer, Tree
from flowgate.embedded.settings import Settings

JSON = "application/json; charset=utf-8"
RELAYED = "application/json"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": "*",
}
CALLBACKS = ("codex", "anthropic", "google", "iflow", "antigravity", "kiro")
SUCCESS_PAGE = (
    "<!DOCTYPE html><html><head><title>Authentication successful</title></head>"
    "<body><h1>Authentication successful!</h1><p>You can close this window.</p></body></html>"
)

Whole = Callable[[Answer], Tree]
Streamed = Callable[[Answer, bool], Iterator[str]]
DIALECTS: dict[str, tuple[Whole, Streamed]] = {
    "/v1/chat/completions": (answers.chat, answers.chat_stream),
    "/v1/completions": (answers.completion, answers.completion_stream),
    "/v1/messages": (answers.messages, answers.messages_stream),
    "/v1/responses": (answers.responses, answers.responses_stream),
}


class Upstream:
    """The app, and the settings it serves with; `settings` is replaced at a reload."""

    def __init__(self, settings: Settings, log: Callable[[str], None]) -> None:
        self.settings = settings
        self.log = log
        self.app = Starlette(routes=self._routes(), exception_handlers={404: _not_found, 405: _not_found})
        self.app.router.redirect_slashes = False

    def _routes(self) -> list[Route]:
        routes = [
            Route("/", self._root, methods=["GET"]),
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/models/", _moved, methods=["GET"]),
            Route("/management.html", _no_panel, methods=["GET"]),
            Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
            Route("/v1beta/models", self._gemini_models, methods=["GET"]),
            Route("/v1beta/models/{name:path}", self._gemini_model, methods=["GET", "POST"]),
            Route("/api/event_logging/batch", _accepted, methods=["POST"]),
            *(Route(f"/{name}/callback", _callback, methods=["GET"]) for name in CALLBACKS),
            *(Route(path, self._answer, methods=["POST"]) for path in DIALECTS),
        ]
        for route in routes:
            if route.methods:
                route.methods.discard("HEAD")  # the real router maps no HEAD
        return routes

    async def _root(self, request: Request) -> Response:
        endpoints = ["POST /v1/chat/completions", "POST /v1/completions", "GET /v1/models"]
        return reply({"endpoints": endpoints, "message": "CLI Proxy API Server"})

    # --- keys

    def refusal(self, request: Request) -> Response | None:
        """Refuse a question whose key is missing or wrong; without configured keys everything is allowed."""
        if not self.settings.api_keys:
            return None
        shown = _keys(request)
        if not shown:
            return reply({"error": "Missing API key"}, 401)
        return None if set(shown) & set(self.settings.api_keys) else reply({"error": "Invalid API key"}, 401)

    # --- models

    async def _models(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        names = self.settings.models
        if request.headers.get("user-agent", "").startswith("claude-cli"):
            data = [{"id": name, "object": "model", "owned_by": "embedded", "type": "model"} for name in names]
            ends = {"first_id": names[0] if names else "", "last_id": names[-1] if names else ""}
            return reply({"data": data, "has_more": False, **ends})
        listed = [{"created": answers.CREATED, "id": name, "object": "model", "owned_by": "embedded"} for name in names]
        return reply({"data": listed, "object": "list"})

    async def _gemini_models(self, request: Request) -> Response:
        return self.refusal(request) or reply({"models": [{"name": f"models/{one}"} for one in self.settings.models]})

    async def _gemini_model(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        if request.method == "GET":
            return reply({"error": {"message": "Not Found", "type": "not_found"}}, 404)
        message = f"{request.url.path} not found."
        return reply({"error": {"message": message, "type": "invalid_request_error"}}, 404)

    # --- questions

    async def _answer(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        body = await _body(request)
        if unknown := self._unknown(body):
            return unknown
        whole, streamed = DIALECTS[request.url.path]
        answer = answers.answer(body)
        if not body.get("stream"):
            return reply(whole(answer), media_type=RELAYED)
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return StreamingResponse(streamed(answer, with_usage), media_type="text/event-stream", headers=CORS)

    async def _count(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        body = await _body(request)
        return self._unknown(body) or reply({"input_tokens": answers.answer(body).asked}, media_type=RELAYED)

    def _unknown(self, body: Tree) -> Response | None:
        model = body.get("model")
        name = model if isinstance(model, str) else ""
        if name in self.settings.models:
            return None
        error = {"message": f"unknown provider for model {name}".strip(), "type": "server_error"}
        return reply({"error": {**error, "code": "internal_server_error"}}, 502, media_type=RELAYED)


def reply(tree: object, status: int = 200, media_type: str = JSON) -> Response:
    """Answer with JSON, written as the real program writes it."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    for sign in "&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Response(text, status, headers={**CORS, "content-type": media_type})


def _keys(request: Request) -> list[str]:
    """Gather every key that is shown, in any of the accepted places."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    authorization = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("authorization", "")
    found = [authorization, request.headers.get("x-goog-api-key", ""), request.headers.get("x-api-key", "")]
    found += [request.query_params.get("key", ""), request.query_params.get("auth_token", "")]
    return [key for key in found if key]


async def _body(request: Request) -> Tree:
    try:
        tree = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


async def _not_found(request: Request, error: Exception) -> Response:
    return Response("404 page not found", 404, headers={**CORS, "content-type": "text/plain"})


async def _moved(request: Request) -> Response:
    headers = {"location": "/v1/models", "content-type": "text/html; charset=utf-8"}
    return Response('<a href="/v1/models">Moved Permanently</a>.\n\n', 301, headers=headers)


async def _no_panel(request: Request) -> Response:
    return Response(status_code=404, headers=CORS)


async def _callback(request: Request) -> Response:
    return HTMLResponse(SUCCESS_PAGE, headers=CORS)


async def _accepted(request: Request) -> Response:
    return reply({"status": "ok"})


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Front:
    """The layer around the app: answers OPTIONS, counts what is under way, writes the access log."""

    def __init__(self, upstream: Upstream, now: Callable[[], float]) -> None:
        self.upstream, self.now = upstream, now
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        began, seen = self.now(), [0]

        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen[0] = message["status"]
            await send(message)

        self.under_way += 1
        try:
            if scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=CORS)(scope, receive, relay)
            else:
                await self.upstream.app(scope, receive, relay)
        finally:
            self.under_way -= 1
            took = f"{(self.now() - began) * 1000:.0f}ms"
            client = (scope.get("client") or ("-",))[0]
            line = f'{seen[0]} | {took:>13} | {client:>15} | {scope["method"]:<7} "{scope["path"]}"'
            self.upstream.log(line)
