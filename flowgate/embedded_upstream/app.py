"""The HTTP interface: the real program's routes and errors.

Source: recorded responses of all lines (`tests/contract/data/`)
"""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flowgate.embedded_upstream import anonymous
from flowgate.embedded_upstream.answers import complete, count_input
from flowgate.embedded_upstream.client_auth import SAFE_MODE, client_keys, refuse
from flowgate.embedded_upstream.completions import FORMATS, GEMINI, CompletionRequest, render
from flowgate.embedded_upstream.dispatch import Dispatcher
from flowgate.embedded_upstream.embeddings import embeddings
from flowgate.embedded_upstream.faulty_vendors import FaultyVendors
from flowgate.embedded_upstream.json_data import JsonObject, mapping, text
from flowgate.embedded_upstream.listed_models import revealed
from flowgate.embedded_upstream.logins import LoginApi
from flowgate.embedded_upstream.management import ManagementApi
from flowgate.embedded_upstream.model_list import ModelList
from flowgate.embedded_upstream.openai_proxy import CompatibleCredentials
from flowgate.embedded_upstream.responses import (
    CORS,
    RELAYED,
    Handler,
    body_of,
    disconnected,
    error_body,
    failed,
    in_dialect,
    not_found,
    page,
    reply,
)
from flowgate.embedded_upstream.state import State

SAFE_MODE_PAGE = (
    "<!DOCTYPE html><html><head><title>Example API key detected</title></head><body><h1>Example API key detected</h1>"
    "<p>Put keys of your own in api-keys.</p></body></html>"
)
ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class Upstream:
    """The application over one state."""

    def __init__(self, state: State, vendors: FaultyVendors | None) -> None:
        """Build the application.

        Args:
            state: The shared state.
            vendors: Vendors that fail on request; None to answer with accounts.
        """
        self.state, self.vendors = state, vendors
        self.logins = LoginApi(state)
        self.management = ManagementApi(state, self.logins)
        compatible = CompatibleCredentials(state)
        accesses = anonymous.credentials(state)
        self.models = ModelList(state, compatible, accesses)
        self.dispatcher = Dispatcher(state, lambda: [*compatible(), *accesses])
        missing = self._missing
        self.app = Starlette(routes=self._routes(), exception_handlers={404: missing, 405: missing})
        self.app.router.redirect_slashes = False

    def _routes(self) -> list[Route]:
        newer, management = self.state.contract.newer, self.management.handle
        routes = [*self._public_routes(), *self._own_routes()]
        for route in routes:
            if route.methods:
                route.methods.discard("HEAD")  # the real router answers HEAD only for /healthz and management
        if newer:
            routes.append(Route("/healthz", _healthy, methods=["GET", "HEAD"]))
        return [*routes, Route("/v0/management/{path:path}", management, methods=METHODS)]

    def _public_routes(self) -> list[Route]:
        contract = self.state.contract
        routes = [
            Route("/", self._root, methods=["GET"]),
            Route("/v1/models", self.models.openai, methods=["GET"]),
            Route("/v1/models/", _redirect_to_models, methods=["GET"]),
            Route("/management.html", self._panel, methods=["GET"]),
            Route("/v1/messages/count_tokens", self._count_tokens, methods=["POST"]),
            Route("/v1beta/models", self.models.gemini, methods=["GET"]),
            Route("/v1beta/models/{name:path}", self.models.gemini_model, methods=["GET"]),
            Route("/v1beta/models/{name:path}", self._generate, methods=["POST"]),
            *(Route(path, self._complete, methods=["POST"]) for path in FORMATS if path != GEMINI),
        ]
        for name in contract.callback_routes:
            routes.append(Route(f"/{name}/callback", partial(self.logins.callback, name), methods=["GET"]))
        if not contract.newer:
            routes.append(Route("/api/event_logging/batch", _accepted, methods=["POST"]))
        return routes

    def _own_routes(self) -> list[Route]:
        """Build the routes that the real program does not have."""
        approval, vendors = self.logins.approval, self.vendors
        routes = [
            Route("/embedded/approve", approval.show, methods=["GET"]),
            Route("/embedded/approve", approval.decide, methods=["POST"]),
            Route("/v1/embeddings", self._embed, methods=["POST"]),
            Route("/embedded/vendor", self._with_key(self._vendor), methods=["GET", "PUT"]),
        ]
        if vendors:
            requests = self._with_key(vendors.list_requests)
            routes.append(Route("/embedded/faults", self._with_key(vendors.set_faults), methods=["PUT"]))
            routes.append(Route("/embedded/requests", requests, methods=["GET", "DELETE"]))
        return routes

    def _with_key(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            return refuse(self.state, request) or await handler(request)

        return guarded

    # --- pages

    async def _root(self, request: Request) -> Response:
        if self.state.safe_mode:
            return page(SAFE_MODE_PAGE, headers={**SAFE_MODE, "cache-control": "no-store"})
        endpoints = ["POST /v1/chat/completions", "POST /v1/completions", "GET /v1/models"]
        return reply({"endpoints": endpoints, "message": "CLI Proxy API Server"})

    async def _panel(self, request: Request) -> Response:
        return await self._root(request) if self.state.safe_mode else Response(status_code=404, headers=CORS)

    async def _missing(self, request: Request, error: Exception) -> Response:
        missing = not_found(self.state.contract)
        posted = request.method == "POST" and request.url.path.startswith("/v1/")
        return self._logged(request, missing) if posted else missing

    # --- model endpoints

    async def _complete(self, request: Request) -> Response:
        if refused := refuse(self.state, request):
            return self._logged(request, refused)
        return await self._answer(request, request.url.path, await self._body(request))

    async def _answer(self, request: Request, path: str, body: JsonObject) -> Response:
        completion = CompletionRequest(path, body, next(iter(client_keys(request)), ""))
        response = self.vendors.respond(completion) if self.vendors else await self._dispatch(request, completion)
        if response is None and completion.model in self.state.settings.models:
            response = render(completion, complete(completion.body, path=path))
        return self._logged(request, response or self._unknown_model(completion))

    async def _generate(self, request: Request) -> Response:
        """Answer Gemini's format, whose model and action are in the path."""
        name, _, action = str(request.path_params["name"]).rpartition(":")
        if action not in ACTIONS:
            return await self.models.gemini_model(request)
        if refused := refuse(self.state, request):
            return self._logged(request, refused)
        body = {**await self._body(request), "model": name, "stream": action == "streamGenerateContent"}
        if action == "countTokens":
            return reply({"totalTokens": count_input(body)}, media_type=RELAYED)
        return await self._answer(request, GEMINI, body)

    async def _embed(self, request: Request) -> Response:
        """Answer for this program's own models; the real program has no embeddings."""
        body = await self._body(request)
        if not self.vendors and text(body.get("model")) not in self.state.settings.models:
            return self._logged(request, not_found(self.state.contract))
        return refuse(self.state, request) or reply(embeddings(body), media_type=RELAYED)

    async def _body(self, request: Request) -> JsonObject:
        """Read the body; the newest lines give models of other vendors names that Anthropic's clients accept."""
        body = await body_of(request) or {}
        if self.state.contract.newest and request.url.path.startswith("/v1/messages"):
            body |= {"model": revealed(text(body.get("model")))}
        return body

    async def _dispatch(self, request: Request, completion: CompletionRequest) -> Response | None:
        """Answer with a credential; a client that disconnects cancels a forwarded request."""
        if not self.state.settings.compatible:
            return await self.dispatcher.dispatch(completion)
        responding = asyncio.ensure_future(self.dispatcher.dispatch(completion))
        leaving = asyncio.ensure_future(disconnected(request.receive))
        try:
            await asyncio.wait([responding, leaving], return_when=asyncio.FIRST_COMPLETED)
            return await responding if responding.done() else Response(status_code=499, headers=CORS)
        finally:
            for one in (responding, leaving):
                one.cancel()
            await asyncio.gather(responding, leaving, return_exceptions=True)

    async def _count_tokens(self, request: Request) -> Response:
        if refused := refuse(self.state, request):
            return refused
        completion = CompletionRequest(request.url.path, await self._body(request))
        if completion.model in {one.id for one in self.models.models()}:
            return reply({"input_tokens": count_input(completion.body)}, media_type=RELAYED)
        return self._logged(request, self._unknown_model(completion))

    def _unknown_model(self, completion: CompletionRequest) -> Response:
        contract, message = self.state.contract, f"unknown provider for model {completion.model}"
        status = 400 if contract.newest else 502
        body = error_body(message if contract.newest else message.strip(), status)
        if contract.newest:
            body = {"error": {**mapping(body["error"]), "code": "model_not_found", "param": "model"}}
        return reply(in_dialect(body, status, completion.path, contract), status, media_type=RELAYED)

    def _logged(self, request: Request, response: Response) -> Response:
        """Add a failed request to the error logs."""
        if response.status_code >= 400:
            self.state.error_logs.add(request.url.path, len(response.body))
        return response

    # --- simulated vendor

    async def _vendor(self, request: Request) -> Response:
        """Set how the vendor behind accounts responds, and return how often it was called.

        `{"status": 429}`; with `headers` (`{"X-Codex-Primary-Used-Percent": "82"}`), the usage records have them.
        """
        vendor = self.state.vendor
        if request.method == "PUT":
            wanted = await body_of(request) or {}
            status, headers = wanted.get("status"), mapping(wanted.get("headers"))
            if not isinstance(status, int):
                return failed("invalid body", 400)
            vendor.status, vendor.headers = status, {name: str(value) for name, value in headers.items()}
        return reply({"calls": vendor.calls, "status": vendor.status})


async def _healthy(request: Request) -> Response:
    return Response(headers=CORS) if request.method == "HEAD" else reply({"status": "ok"})


async def _redirect_to_models(request: Request) -> Response:
    headers = {"location": "/v1/models", "content-type": "text/html; charset=utf-8"}
    return Response('<a href="/v1/models">Moved Permanently</a>.\n\n', 301, headers=headers)


async def _accepted(request: Request) -> Response:
    return reply({"status": "ok"})
