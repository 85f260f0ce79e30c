"""Who may see the pages: browsers that opened a one-time link.

A page of another site must not reach the dashboard through the user's browser. Therefore each request must name this
server in `Host` (another name that resolves to 127.0.0.1 is refused: DNS rebinding), `Origin` must be this server where
a browser sends it, and all but the link and the metrics need a session's cookie. What is not GET or HEAD also needs the
CSRF token of that session.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowgate.dashboard.control import METRICS_PATH
from flowgate.system.clock import Clock

LINK_PATH, ALIVE_PATH = "/open", "/alive"
OPEN_PATHS = (LINK_PATH, ALIVE_PATH, METRICS_PATH)  # Prometheus cannot log in
LINK_SECONDS = 600.0
MOST = 8  # links that wait, and sessions; the oldest goes
SESSION = "flowgate.session"  # in the scope of a request
NAMES = ("127.0.0.1", "localhost")
TOKEN_HEADER = "x-csrf-token"  # noqa: S105 - the name of a header
POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("style", "script", "img", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Signed(NamedTuple):
    """A session.

    Attributes:
        cookie: The value of its cookie.
        csrf: The token that its pages send when they change something.
    """

    cookie: str
    csrf: str


class Access:
    """The one-time links, and the sessions that they opened.

    Attributes:
        port: The port that the dashboard listens on.
    """

    def __init__(
        self,
        port: int,
        new_secret: Callable[[], str] = secrets.token_urlsafe,
        clock: Clock | None = None,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """Create it; there is neither a link nor a session.

        Args:
            port: The port that the dashboard listens on.
            new_secret: Makes tokens and cookies.
            clock: The time.
            on_open: Is called when a link was opened.
        """
        self.port = port
        self._new_secret, self._clock, self._on_open = new_secret, clock or Clock(), on_open
        self._tokens: dict[str, float] = {}
        self._sessions: list[Signed] = []

    def new_link(self) -> str:
        """Return a link that opens a session: once, and for ten minutes."""
        now = self._clock.now()
        fresh = {token: end for token, end in self._tokens.items() if end > now}
        token = self._new_secret()
        self._tokens = dict([*fresh.items(), (token, now + LINK_SECONDS)][-MOST:])
        return f"http://{NAMES[0]}:{self.port}{LINK_PATH}?token={token}"

    @property
    def cookie_name(self) -> str:
        """Name of the cookie; it names the port because browsers send a cookie to every port of a host."""
        return f"flowgate-{self.port}"

    def open(self, token: str) -> Signed | None:
        """Open a session with the token of a link; the link is of no use afterwards.

        Args:
            token: The token.

        Returns:
            The session; None if the token is wrong, was used, or is too old.
        """
        now = self._clock.now()
        known = [one for one, end in self._tokens.items() if _equal(token, one) and end > now]
        if not known:
            return None
        del self._tokens[known[0]]
        made = Signed(self._new_secret(), self._new_secret())
        self._sessions = [*self._sessions, made][-MOST:]
        self._on_open()
        return made

    def end(self) -> None:
        """End all sessions, and make all links useless."""
        self._sessions, self._tokens = [], {}

    def is_open(self, session: Signed) -> bool:
        """Return whether a session has not ended."""
        return session in self._sessions

    def session(self, headers: Headers) -> Signed | None:
        """Return the session of a request; None if it has none.

        Args:
            headers: Its headers.
        """
        cookie = _cookie(headers, self.cookie_name)
        return next((one for one in self._sessions if _equal(cookie, one.cookie)), None)

    def hosts(self) -> tuple[str, ...]:
        """Return the values of `Host` that mean this server."""
        return tuple(f"{name}:{self.port}" for name in NAMES)

    def refusal(self, scope: Scope, headers: Headers, session: Signed | None) -> str:
        """Return why a request is refused; empty if it is not, as far as its headers show.

        Args:
            scope: The request.
            headers: Its headers.
            session: Its session.
        """
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts():
            return "this name is not the dashboard's"
        if len(origins) > 1 or (origins and origins[0].lower() != f"http://{hosts[0].lower()}"):
            return "the request comes from another site"
        if scope["path"] in OPEN_PATHS and scope["method"] == "GET":
            return ""
        if session is None:
            return "this browser has no session; `inv dashboard` prints a link that opens one"
        if scope["method"] not in ("GET", "HEAD") and not _is_ours(headers, session):
            return "the request is not one of this session's page; load the page again"
        return ""


class Guard:
    """The layer around the pages that refuses requests and adds the headers of every response."""

    def __init__(self, app: ASGIApp, access: Access, on_request: Callable[[], None] = lambda: None) -> None:
        self._app, self._access, self._on_request = app, access, on_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        session = self._access.session(headers)
        why = self._access.refusal(scope, headers, session)
        if why:
            await PlainTextResponse(f"refused: {why}\n", 403)(scope, receive, send_guarded)
            return
        if session is not None:
            self._on_request()
        await self._app({**scope, SESSION: session}, receive, send_guarded)


def _is_ours(headers: Headers, session: Signed) -> bool:
    """Return whether a changing request carries the session's CSRF token, in a header that no form can send."""
    return headers.get("origin") is not None and _equal(headers.get(TOKEN_HEADER, ""), session.csrf)


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())


def _cookie(headers: Headers, name: str) -> str:
    for text in headers.getlist("cookie"):
        for part in text.split(";"):
            try:
                found = SimpleCookie(part.strip())
            except CookieError:  # a cookie of another program
                continue
            if name in found:
                return found[name].value
    return ""
