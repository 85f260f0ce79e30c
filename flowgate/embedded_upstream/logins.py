"""Logins through the management API: begin, ask, hand over a callback, drop.

Source: recorded answers of both generations. The addresses that are handed out lead to this program's own approve
page instead of the vendor's; their queries are the vendors'.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import versions
from flowgate.embedded_upstream.approve import Approvals, routes
from flowgate.embedded_upstream.flows import Flows
from flowgate.embedded_upstream.responses import SUCCESS_PAGE, body_of, failed, page, reply
from flowgate.embedded_upstream.sessions import Session, Sessions, valid
from flowgate.embedded_upstream.state import State

Handler = Callable[[Request], Awaitable[Response]]
TRUE = ("1", "true", "yes", "on")
LISTENERS = {  # provider → the vendor's callback port and path
    "codex": (1455, "/auth/callback"),
    "anthropic": (54545, "/callback"),
    "gemini": (8085, "/oauth2callback"),
    "antigravity": (51121, "/oauth-callback"),
    "iflow": (11451, "/oauth2callback"),
    "kiro": (9876, "/oauth/callback"),
}
ENDPOINTS = {"gemini": "gemini-cli"}
ALIASES = {
    **{name: name for name in ("anthropic", "codex", "gemini", "iflow", "antigravity", "qwen", "kiro", "github")},
    "claude": "anthropic",
    "openai": "codex",
    "google": "gemini",
    "i-flow": "iflow",
    "anti-gravity": "antigravity",
}
NO_DEVICE_FLOW = {
    "github": "failed to initiate device flow",
    "xai": "failed to start device authorization flow",
}
METHODS = {"": "aws", "aws": "aws", "builder-id": "aws", "google": "social", "github": "social"}
DEVICE_LIFE_SECONDS = 900


class Logins:
    """The handlers for logins, and their sessions."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.sessions = Sessions(state.contract, state.now)
        self.approvals = Approvals(self.sessions)
        self.flows = Flows(state, self.sessions, self.approvals)

    def table(self) -> dict[str, dict[str, Handler]]:
        """Say which path and method lead where."""
        contract = self.state.contract
        rows: dict[str, dict[str, Handler]] = {
            "get-auth-status": {"GET": self._status},
            "oauth-callback": {"POST": self._hand_over},
        }
        for provider in contract.pkce:
            rows[f"{ENDPOINTS.get(provider, provider)}-auth-url"] = {"GET": partial(self._begin, provider)}
        for provider in contract.device:
            rows[f"{provider}-auth-url"] = {"GET": partial(self._begin_device, provider)}
        if contract.newer:
            rows["oauth-session"] = {"DELETE": self._drop}
        else:
            rows["kiro-auth-url"] = {"GET": self._begin_kiro}
        return rows

    # --- begin

    async def _begin(self, provider: str, request: Request) -> Response:
        session = self.sessions.begin(provider, "pkce")
        if not await self._listen(session, request):
            return failed("failed to start callback server", 500)  # the session stays, its state is not told
        self.flows.start(session)
        return reply({"state": session.state, "status": "ok", "url": self._address(session)})

    async def _listen(self, session: Session, request: Request) -> bool:
        """Open the vendor's callback port if it was asked for, and settle where the browser is sent back to."""
        usual, path = LISTENERS[session.provider]
        ports = {**self.state.settings.callback_ports, **self.state.callback_ports}
        port = ports.get(session.provider, ports.get("all", usual))
        if request.query_params.get("is_webui", "").lower() in TRUE:
            target = f"http://127.0.0.1:{self.state.settings.port}/{routes(session.provider)}/callback"
            try:
                port = await self.flows.forward(session, target, port)
            except OSError:
                return False
        session.redirect = f"http://localhost:{port or usual}{path}"
        return True

    def _address(self, session: Session) -> str:
        query = dict(versions.table(self.state.contract.name)["logins"].get(session.provider, {}))
        own = {
            "state": session.state,
            "redirect_uri": session.redirect,
            "redirect": session.redirect,
            "code_challenge": secrets.token_urlsafe(32),
        }
        query |= {name: value for name, value in own.items() if name in query or name == "state"}
        return f"{self._page()}?{urlencode(query)}"

    def _page(self) -> str:
        return f"http://127.0.0.1:{self.state.settings.port}/embedded/approve"

    async def _begin_device(self, provider: str, request: Request) -> Response:
        if self.state.settings.proxy_url:
            return failed(NO_DEVICE_FLOW.get(provider, "failed to generate authorization url"), 500)
        session = self.sessions.begin(provider, "device")
        session.user_code = _user_code()
        self.flows.start(session)
        query = urlencode({"state": session.state, "user_code": session.user_code})
        answer: dict[str, object] = {"state": session.state, "status": "ok", "url": f"{self._page()}?{query}"}
        if provider == "github":
            answer |= {"user_code": session.user_code, "verification_uri": answer["url"]}
        elif self.state.contract.newer:
            answer |= {"flow": "device", "user_code": session.user_code, "expires_in": DEVICE_LIFE_SECONDS}
        return reply(answer)

    async def _begin_kiro(self, request: Request) -> Response:
        shape = METHODS.get(request.query_params.get("method", "").lower())
        if shape is None:
            return failed("invalid method, use 'aws', 'google', or 'github'", 400)
        session = self.sessions.begin("kiro", shape)
        if shape == "aws" and self.state.settings.proxy_url:
            self.sessions.fail(session, "Failed to register client")
        elif await self._listen(session, request):
            session.user_code = _user_code() if shape == "aws" else ""
            self.flows.start(session)
        else:
            return failed("failed to start callback server", 500)
        return reply({"method": "device_code" if shape == "aws" else shape, "state": session.state, "status": "ok"})

    # --- ask

    async def _status(self, request: Request) -> Response:
        state = request.query_params.get("state", "").strip()
        if not state or "status-always-ok" in self.state.lies:
            return reply({"status": "ok"})
        if not valid(state):
            return reply({"error": "invalid state", "status": "error"}, 400)
        session = self.sessions.find(state)
        if session is None:
            return self._unknown()
        if session.error:
            return reply({"error": session.error, "status": "error"})
        if session.done is not None:
            return reply({"status": "ok"})
        where = f"{self._page()}?{urlencode({'state': session.state})}"
        if session.shape == "aws":
            return reply({"status": "device_code", "user_code": session.user_code, "verification_url": where})
        return reply({"status": "auth_url", "url": where} if session.shape == "social" else {"status": "wait"})

    def _unknown(self) -> Response:
        if self.state.contract.newer and "unknown-state-ok" not in self.state.lies:
            return reply({"error": "unknown or expired state", "status": "error"})
        return reply({"status": "ok"})

    async def _drop(self, request: Request) -> Response:
        state = request.query_params.get("state", "").strip()
        if not state:
            return _no("missing state", 400)
        return reply({"cancelled": self.sessions.cancel(state), "status": "ok"})

    # --- hand over

    async def _hand_over(self, request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return _no("invalid body", 400)
        given = {name: str(body.get(name) or "").strip() for name in ("provider", "redirect_url", "code", "state")}
        given["error"] = str(body.get("error") or "").strip()
        provider = ALIASES.get(given["provider"].lower())
        if provider is None and not self.state.contract.newer:
            return _no("unsupported provider", 400)
        if given["redirect_url"] and not _fill(given):
            return _no("invalid redirect_url", 400)
        if not given["state"]:
            return _no("state is required", 400)
        if not valid(given["state"]):
            return _no("invalid state", 400)
        if not given["code"] and not given["error"]:
            return _no("code or error is required", 400)
        return self._accept(given, provider)

    def _accept(self, given: dict[str, str], provider: str | None) -> Response:
        session = self.sessions.find(given["state"])
        if session is None:
            return _no("unknown or expired state", 404)
        if not session.pending or session.shape == "social":
            newer = "oauth flow is already completed" if session.done is not None else session.error
            return _no(newer if self.state.contract.newer else "oauth flow is not pending", 409)
        if provider and provider != session.provider:
            return _no("provider does not match state", 400)
        self.flows.hand_over(session, given["code"], given["error"])
        return reply({"status": "ok"})

    async def callback(self, route: str, request: Request) -> Response:
        """Take a browser that comes back; it is told of success whatever happened, as by the real program."""
        query = {name: request.query_params.get(name, "") for name in ("state", "code", "error")}
        query["error"] = query["error"] or request.query_params.get("error_description", "")
        session = self.sessions.find(query["state"]) if valid(query["state"]) else None
        if session and session.pending and routes(session.provider) == route and (query["code"] or query["error"]):
            self.flows.hand_over(session, query["code"], query["error"])
        return page(SUCCESS_PAGE)


def _fill(given: dict[str, str]) -> bool:
    """Read what is missing from a pasted address; say whether it is one."""
    try:
        address = urlsplit(given["redirect_url"])
    except ValueError:
        return False
    if not address.scheme and address.netloc == "" and address.path.startswith(":"):
        return False
    query = parse_qs(address.query)
    for name in ("state", "code", "error"):
        given[name] = given[name] or query.get(name, [""])[0]
    given["error"] = given["error"] or query.get("error_description", [""])[0]
    return True


def _no(text: str, status: int) -> Response:
    return reply({"error": text, "status": "error"}, status)


def _user_code() -> str:
    letters = "BCDFGHJKLMNPQRSTVWXZ"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(2))
