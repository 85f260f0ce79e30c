"""Logins through the management API.

The addresses that are handed out lead to this program's approval page instead of the vendor's; their queries are the
vendors'.

Source: recorded responses of both lines
"""

from __future__ import annotations

import secrets
from functools import partial
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import versions
from flowgate.embedded_upstream.approve import ApprovalPage, callback_route
from flowgate.embedded_upstream.json_data import JsonObject, text
from flowgate.embedded_upstream.login_flows import LoginFlows
from flowgate.embedded_upstream.responses import SUCCESS_PAGE, Routes, body_of, failed, page, reply
from flowgate.embedded_upstream.sessions import Session, Sessions, valid
from flowgate.embedded_upstream.state import State

TRUE = ("1", "true", "yes", "on")
CALLBACKS = {  # the vendors' callback ports and paths
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
    "kiro": "failed to start device authorization flow",
}
KIRO_KINDS = {"": "aws", "aws": "aws", "builder-id": "aws", "google": "social", "github": "social"}
DEVICE_LIFE_SECONDS = 900
CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class LoginApi:
    """The handlers for logins, and their sessions."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.sessions = Sessions(state.contract, state.now)
        self.approval = ApprovalPage(self.sessions)
        self.flows = LoginFlows(state, self.sessions, self.approval)

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        contract = self.state.contract
        rows: Routes = {
            "get-auth-status": {"GET": self._status},
            "oauth-callback": {"POST": self._deliver_callback},
        }
        for provider in contract.pkce_providers:
            rows[f"{ENDPOINTS.get(provider, provider)}-auth-url"] = {"GET": partial(self._begin, provider)}
        for provider in contract.device_providers:
            rows[f"{provider}-auth-url"] = {"GET": partial(self._begin_device, provider)}
        if contract.newer:
            rows["oauth-session"] = {"DELETE": self._cancel}
        else:
            rows["kiro-auth-url"] = {"GET": self._begin_kiro}
        return rows

    # --- begin

    async def _begin(self, provider: str, request: Request) -> Response:
        session = self.sessions.begin(provider, "pkce")
        if not await self._prepare_callback(session, request):
            return failed("failed to start callback server", 500)  # the real program keeps the session too
        self.flows.start(session)
        return reply({"state": session.state, "status": "ok", "url": self._login_address(session)})

    async def _prepare_callback(self, session: Session, request: Request) -> bool:
        """Set where the browser returns to, and open a listener there if `is_webui` asks for it.

        Returns:
            False if the port is taken.
        """
        default, path = CALLBACKS[session.provider]
        ports = {**self.state.settings.callback_ports, **self.state.callback_ports}
        port = ports.get(session.provider, ports.get("all", default))
        if request.query_params.get("is_webui", "").lower() in TRUE:
            target = f"http://127.0.0.1:{self.state.settings.port}/{callback_route(session.provider)}/callback"
            try:
                port = await self.flows.listen(session, target, port)
            except OSError:
                return False
        session.redirect = f"http://localhost:{port or default}{path}"
        return True

    def _login_address(self, session: Session) -> str:
        query = dict(versions.table(self.state.contract)["logins"].get(session.provider, {}))
        own = {
            "state": session.state,
            "redirect_uri": session.redirect,
            "redirect": session.redirect,
            "code_challenge": secrets.token_urlsafe(32),
        }
        query |= {name: value for name, value in own.items() if name in query or name == "state"}
        return self._approval_address(query)

    def _approval_address(self, query: dict[str, str]) -> str:
        return f"http://127.0.0.1:{self.state.settings.port}/embedded/approve?{urlencode(query)}"

    async def _begin_device(self, provider: str, request: Request) -> Response:
        if self.state.settings.proxy_url:
            return failed(NO_DEVICE_FLOW.get(provider, "failed to generate authorization url"), 500)
        session = self.sessions.begin(provider, "device")
        session.user_code = _user_code()
        self.flows.start(session)
        url = self._approval_address({"state": session.state, "user_code": session.user_code})
        body: JsonObject = {"state": session.state, "status": "ok", "url": url}
        if provider == "github":
            body |= {"user_code": session.user_code, "verification_uri": url}
        elif self.state.contract.newer:
            body |= {"flow": "device", "user_code": session.user_code, "expires_in": DEVICE_LIFE_SECONDS}
        return reply(body)

    async def _begin_kiro(self, request: Request) -> Response:
        kind = KIRO_KINDS.get(request.query_params.get("method", "").lower())
        if kind is None:
            return failed("invalid method, use 'aws', 'google', or 'github'", 400)
        session = self.sessions.begin("kiro", kind)
        if kind == "aws" and self.state.settings.proxy_url:
            self.sessions.fail(session, "Failed to register client")
        elif await self._prepare_callback(session, request):
            session.user_code = _user_code() if kind == "aws" else ""
            self.flows.start(session)
        else:
            return failed("failed to start callback server", 500)
        return reply({"method": "device_code" if kind == "aws" else kind, "state": session.state, "status": "ok"})

    # --- status

    async def _status(self, request: Request) -> Response:
        state = request.query_params.get("state", "").strip()
        if not state:
            return reply({"status": "ok"})
        if not valid(state):
            return _error("invalid state", 400)
        session = self.sessions.find(state)
        if session is None:
            newer = self.state.contract.newer
            return _error("unknown or expired state", 200) if newer else reply({"status": "ok"})
        if session.error:
            return _error(session.error, 200)
        if not session.pending:
            return reply({"status": "ok"})
        address = self._approval_address({"state": session.state})
        if session.kind == "aws":
            return reply({"status": "device_code", "user_code": session.user_code, "verification_url": address})
        return reply({"status": "auth_url", "url": address} if session.kind == "social" else {"status": "wait"})

    async def _cancel(self, request: Request) -> Response:
        state = request.query_params.get("state", "").strip()
        if not state:
            return _error("missing state", 400)
        return reply({"cancelled": self.sessions.cancel(state), "status": "ok"})

    # --- callback

    async def _deliver_callback(self, request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return _error("invalid body", 400)
        given = {name: text(body.get(name)).strip() for name in ("provider", "redirect_url", "code", "state", "error")}
        provider = ALIASES.get(given["provider"].lower())
        if provider is None and not self.state.contract.newer:
            return _error("unsupported provider", 400)
        if given["redirect_url"] and not _add_from_address(given):
            return _error("invalid redirect_url", 400)
        if not given["state"]:
            return _error("state is required", 400)
        if not valid(given["state"]):
            return _error("invalid state", 400)
        if not given["code"] and not given["error"]:
            return _error("code or error is required", 400)
        return self._accept(given, provider)

    def _accept(self, given: dict[str, str], provider: str | None) -> Response:
        session = self.sessions.find(given["state"])
        if session is None:
            return _error("unknown or expired state", 404)
        if not session.pending or session.kind == "social":
            newer = "oauth flow is already completed" if session.completed is not None else session.error
            return _error(newer if self.state.contract.newer else "oauth flow is not pending", 409)
        if provider and provider != session.provider:
            return _error("provider does not match state", 400)
        self.flows.deliver_callback(session, given["code"], given["error"])
        return reply({"status": "ok"})

    async def callback(self, route: str, request: Request) -> Response:
        """Accept a browser that returns from a vendor; as in the real program, the page always reports success.

        Args:
            route: First part of the callback path.
            request: The browser's request.
        """
        query = {name: request.query_params.get(name, "") for name in ("state", "code", "error")}
        query["error"] = query["error"] or request.query_params.get("error_description", "")
        session = self.sessions.find(query["state"]) if valid(query["state"]) else None
        complete = bool(query["code"] or query["error"])
        if session and session.pending and callback_route(session.provider) == route and complete:
            self.flows.deliver_callback(session, query["code"], query["error"])
        return page(SUCCESS_PAGE)


def _add_from_address(given: dict[str, str]) -> bool:
    """Add missing values from the query of a pasted address, and return whether the address is valid."""
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


def _error(message: str, status: int) -> Response:
    return reply({"error": message, "status": "error"}, status)


def _user_code() -> str:
    return "-".join("".join(secrets.choice(CODE_LETTERS) for _ in range(4)) for _ in range(2))
