"""Who may see the pages: one browser, which opened the one-time link.

A page of another site must not reach the dashboard through the user's browser. Therefore each request must name this
server in `Host` (another name that resolves to 127.0.0.1 is refused: DNS rebinding), `Origin` must be this server where
a browser sends it, and all but the link need the session's cookie. What is not GET or HEAD also needs the CSRF token.
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

LINK_PATH = "/open"
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
    """The one-time link, and the session that it opened.

    Attributes:
        port: The port that the dashboard listens on.
        session: The session; None until the link was opened, and after signing out.
    """

    def __init__(self, port: int, new_secret: Callable[[], str] = secrets.token_urlsafe) -> None:
        self.port = port
        self.session: Signed | None = None
        self._new_secret, self._token = new_secret, new_secret()

    @property
    def link(self) -> str:
        """The link that opens a session, once."""
        return f"http://{NAMES[0]}:{self.port}{LINK_PATH}?token={self._token}"

    @property
    def cookie_name(self) -> str:
        """Name of the cookie; it names the port because browsers send a cookie to every port of a host."""
        return f"flowgate-{self.port}"

    def open(self, token: str) -> Signed | None:
        """Open a session with the token of the link; the link is of no use afterwards.

        Args:
            token: The token.

        Returns:
            The session; None if the token is wrong or was used.
        """
        if not self._token or not _equal(token, self._token):
            return None
        self._token, self.session = "", Signed(self._new_secret(), self._new_secret())
        return self.session

    def end(self) -> None:
        """End the session."""
        self.session = None

    def hosts(self) -> tuple[str, ...]:
        """Return the values of `Host` that mean this server."""
        return tuple(f"{name}:{self.port}" for name in NAMES)

    def refusal(self, scope: Scope, headers: Headers) -> str:
        """Return why a request is refused; empty if it is not, as far as its headers show.

        Args:
            scope: The request.
            headers: Its headers.
        """
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts():
            return "this name is not the dashboard's"
        if len(origins) > 1 or (origins and origins[0].lower() != f"http://{hosts[0].lower()}"):
            return "the request comes from another site"
        if scope["path"] == LINK_PATH and scope["method"] == "GET":
            return ""
        if self.session is None or not _equal(_cookie(headers, self.cookie_name), self.session.cookie):
            return "this browser has no session; open the link that the command printed (it works once)"
        if scope["method"] not in ("GET", "HEAD") and not self._is_ours(headers, self.session):
            return "the request is not one of this session's page; load the page again"
        return ""

    def _is_ours(self, headers: Headers, session: Signed) -> bool:
        """Return whether a changing request carries the session's CSRF token, in a header that no form can send."""
        return headers.get("origin") is not None and _equal(headers.get(TOKEN_HEADER, ""), session.csrf)


class Guard:
    """The layer around the pages that refuses requests and adds the headers of every response."""

    def __init__(self, app: ASGIApp, access: Access, on_request: Callable[[], None] = lambda: None) -> None:
        self._app, self._access, self._on_request = app, access, on_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        why = self._access.refusal(scope, headers)
        if why:
            await PlainTextResponse(f"refused: {why}\n", 403)(scope, receive, send_guarded)
            return
        self._on_request()
        await self._app(scope, receive, send_guarded)


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
