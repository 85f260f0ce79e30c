"""The HTTP surface: the real program's routes, its key check, its refusals word for word.

Source: recorded answers of v6.8.16-0 and 7.2.101-1 (`tests/contract/data/`)
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flowgate.embedded_upstream import answers, lies
from flowgate.embedded_upstream.answers import Answer, Tree
from flowgate.embedded_upstream.completions import DIALECTS, Desk, Question, render
from flowgate.embedded_upstream.logins import Logins
from flowgate.embedded_upstream.management import Management
from flowgate.embedded_upstream.openai_proxy import Others
from flowgate.embedded_upstream.responses import (
    CORS,
    RELAYED,
    body_of,
    error_body,
    left,
    not_found,
    page,
    reply,
    shaped,
)
from flowgate.embedded_upstream.state import State

SAFE = {"x-cpa-safe-mode": "example-api-key"}
UNSAFE_MESSAGE = (
    "Proxy API endpoints are disabled because api-keys contains template values. Open "
    "/management.html?safe-mode=configure, update api-keys in Management, then retry."
)
UNSAFE_PAGE = (
    "<!DOCTYPE html><html><head><title>Example API key detected</title></head><body><h1>Example API key detected</h1>"
    "<p>Put keys of your own in api-keys.</p></body></html>"
)
ERROR_LOGS = 10
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class Upstream:
    """The app over one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.logins = Logins(state)
        self.management = Management(state, self.logins)
        self.others = Others(state)
        self.desk = Desk(state, self.others)
        missing = self._missing
        self.app = Starlette(routes=self._routes(), exception_handlers={404: missing, 405: missing})
        self.app.router.redirect_slashes = False

    def _routes(self) -> list[Route]:
        approvals = self.logins.approvals
        routes = [
            Route("/", self._root, methods=["GET"]),
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/models/", _moved, methods=["GET"]),
            Route("/management.html", self._panel, methods=["GET"]),
            Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
            Route("/v1beta/models", self._gemini_models, methods=["GET"]),
            Route("/v1beta/models/{name:path}", self._gemini_model, methods=["GET", "POST"]),
            *(Route(path, self._answer, methods=["POST"]) for path in DIALECTS),
            *self._callbacks(),
            Route("/embedded/approve", approvals.show, methods=["GET"]),
            Route("/embedded/approve", approvals.decide, methods=["POST"]),
            Route("/embedded/vendor", self._vendor, methods=["GET", "PUT"]),
            Route("/embedded/lies", self._lies, methods=["PUT"]),
            *self._faults(),
        ]
        if not self.state.contract.newer:
            routes.append(Route("/api/event_logging/batch", _accepted, methods=["POST"]))
        for route in routes:
            if route.methods:
                route.methods.discard("HEAD")  # the real router maps no HEAD
        if self.state.contract.newer:
            routes.append(Route("/healthz", _healthy, methods=["GET", "HEAD"]))
        return [*routes, Route("/v0/management/{path:path}", self.management.answer, methods=METHODS)]

    def _callbacks(self) -> list[Route]:
        names = self.state.contract.callbacks
        return [Route(f"/{name}/callback", partial(self.logins.callback, name), methods=["GET"]) for name in names]

    def _faults(self) -> list[Route]:
        """List what only a program that plays failing vendors has."""
        vendors = self.state.vendors
        if vendors is None:
            return []
        kept = self._with_key
        return [
            Route("/embedded/faults", kept(vendors.tell), methods=["PUT"]),
            Route("/embedded/asked", kept(vendors.list), methods=["GET", "DELETE"]),
        ]

    def _with_key(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            return self.refusal(request) or await answer(request)

        return guarded

    async def _root(self, request: Request) -> Response:
        if self.state.unsafe:
            return page(UNSAFE_PAGE, headers={**SAFE, "cache-control": "no-store"})
        endpoints = ["POST /v1/chat/completions", "POST /v1/completions", "GET /v1/models"]
        return reply({"endpoints": endpoints, "message": "CLI Proxy API Server"})

    async def _panel(self, request: Request) -> Response:
        return await self._root(request) if self.state.unsafe else Response(status_code=404, headers=CORS)

    async def _missing(self, request: Request, error: Exception) -> Response:
        missing = not_found(self.state.contract)
        posted = request.method == "POST" and request.url.path.startswith("/v1/")
        return self._logged(request, missing) if posted else missing

    # --- keys

    def refusal(self, request: Request) -> Response | None:
        """Refuse a question whose key is missing or wrong; without configured keys everything is allowed."""
        if self.state.unsafe:
            return reply({"error": "unsafe_example_api_key", "message": UNSAFE_MESSAGE}, 403, headers=SAFE)
        if not self.state.settings.api_keys:
            return None
        shown = _keys(request)
        if not shown:
            return reply({"error": "Missing API key"}, 401)
        return None if set(shown) & set(self.state.settings.api_keys) else reply({"error": "Invalid API key"}, 401)

    # --- models

    def listed(self) -> list[tuple[str, str, int]]:
        """List the models: (id, owner, made at)."""
        if "no-models" in self.state.lies:
            return []
        found = {name: (name, owner, made) for name, owner, made in self.state.listed()}
        at = self.state.now()
        for other in self.others():
            for name in other.models():
                if not other.benches.unlisted(name, at):
                    found.setdefault(name, (name, other.provider, int(time.time())))
        return list(found.values())

    async def _models(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        listed, newer = self.listed(), self.state.contract.newer
        claude = request.headers.get("user-agent", "").startswith("claude-cli")
        if claude or (newer and "anthropic-version" in request.headers):
            data = [{"id": name, "object": "model", "owned_by": owner, "type": "model"} for name, owner, _ in listed]
            ends = {"first_id": listed[0][0] if listed else "", "last_id": listed[-1][0] if listed else ""}
            return reply({"data": data, "has_more": False, **ends})
        if newer and "client_version" in request.query_params:
            return reply({"models": [{"slug": name, "display_name": name} for name, _, _ in listed]})
        rows: list[Tree] = [
            {"created": at, "id": name, "object": "model", "owned_by": owner} for name, owner, at in listed
        ]
        return reply({"data": rows, "object": "list"})

    async def _gemini_models(self, request: Request) -> Response:
        return self.refusal(request) or reply({"models": [{"name": f"models/{name}"} for name, _, _ in self.listed()]})

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
            return self._logged(request, refused)
        body = await body_of(request) or {}
        question = Question(request.url.path, body, _model(body), next(iter(_keys(request)), ""))
        vendors = self.state.vendors
        response = vendors.answer(question) if vendors else await self._asked(request, question)
        if response is None:
            response = self._own(question) or self._unknown(question)
        if "empty-answers" in self.state.lies and response.status_code == 200:
            response = render(question, Answer(question.model, "", "empty", 0, 0))
        return self._logged(request, response)

    async def _asked(self, request: Request, question: Question) -> Response | None:
        """Let credentials answer; a client that leaves takes the question along that went on to somebody else."""
        if not self.state.settings.compatible:
            return await self.desk.answer(question)
        answering = asyncio.ensure_future(self.desk.answer(question))
        leaving = asyncio.ensure_future(left(request.receive))
        try:
            await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
            return await answering if answering.done() else Response(status_code=499, headers=CORS)
        finally:
            for one in (answering, leaving):
                one.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    def _own(self, question: Question) -> Response | None:
        """Answer for a model of `embedded.models`, which needs no credential."""
        if question.model not in self.state.settings.models:
            return None
        return render(question, answers.answer(question.body))

    async def _count(self, request: Request) -> Response:
        if refused := self.refusal(request):
            return refused
        body = await body_of(request) or {}
        question = Question(request.url.path, body, _model(body), "")
        if question.model in {name for name, _, _ in self.listed()}:
            return reply({"input_tokens": answers.answer(body).asked}, media_type=RELAYED)
        return self._logged(request, self._unknown(question))

    def _unknown(self, question: Question) -> Response:
        body = error_body(f"unknown provider for model {question.model}".strip(), 502)
        return reply(shaped(body, 502, question.path, self.state.contract), 502, media_type=RELAYED)

    def _logged(self, request: Request, response: Response) -> Response:
        """Name a refused question among the error logs, as the newer line does; its text is not kept."""
        if response.status_code >= 400:
            stamp = time.strftime("%Y-%m-%dT%H%M%S")
            name = f"error-{request.url.path.strip('/').replace('/', '-')}-{stamp}-{secrets.token_hex(4)}.log"
            row = {"name": name, "size": len(response.body), "modified": int(time.time())}
            self.state.error_logs = sorted(
                [*self.state.error_logs[-ERROR_LOGS + 1 :], row], key=lambda one: one["name"]
            )
        return response

    # --- the vendor that is played

    async def _vendor(self, request: Request) -> Response:
        """Tell how the vendor behind accounts answers: `{"status": 429}`; ask how often it was called."""
        if refused := self.refusal(request):
            return refused
        vendor = self.state.vendor
        if request.method == "PUT":
            status = (await body_of(request) or {}).get("status")
            if not isinstance(status, int):
                return reply({"error": "invalid body"}, 400)
            vendor.status = status
        return reply({"calls": vendor.calls, "status": vendor.status})

    async def _lies(self, request: Request) -> Response:
        """Tell which lies are told from now on: `{"lies": "MODE,MODE"}`; an empty text for none."""
        if refused := self.refusal(request):
            return refused
        try:
            self.state.lies = lies.read(str((await body_of(request) or {}).get("lies") or ""))
        except lies.UnknownLie as unknown:
            return reply({"error": str(unknown)}, 400)
        return reply({"lies": sorted(self.state.lies)})


def _model(body: Tree) -> str:
    model = body.get("model")
    return model if isinstance(model, str) else ""


def _keys(request: Request) -> list[str]:
    """Gather every key that is shown, in any of the accepted places."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    authorization = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("authorization", "")
    found = [authorization, request.headers.get("x-goog-api-key", ""), request.headers.get("x-api-key", "")]
    found += [request.query_params.get("key", ""), request.query_params.get("auth_token", "")]
    return [key for key in found if key]


async def _healthy(request: Request) -> Response:
    return Response(headers=CORS) if request.method == "HEAD" else reply({"status": "ok"})


async def _moved(request: Request) -> Response:
    headers = {"location": "/v1/models", "content-type": "text/html; charset=utf-8"}
    return Response('<a href="/v1/models">Moved Permanently</a>.\n\n', 301, headers=headers)


async def _accepted(request: Request) -> Response:
    return reply({"status": "ok"})
