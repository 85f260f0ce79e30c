"""The approval page, in place of every vendor's login page."""

from __future__ import annotations

import html
import re
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowgate.embedded_upstream.credentials import default_owner
from flowgate.embedded_upstream.responses import CORS, page
from flowgate.embedded_upstream.sessions import Session, Sessions

NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9@_+.-]|(?<![A-Za-z0-9])\.")
STYLE = "body{font-family:sans-serif;max-width:36em;margin:4em auto}button{font-size:1.1em;margin:1em 1em 0 0}"


class ApprovalPage:
    """The page's handlers.

    Attributes:
        sessions: The OAuth sessions.
        issued: The accounts of the codes that were issued and not yet exchanged.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.issued: dict[str, str] = {}

    async def show(self, request: Request) -> Response:
        """Show who asks for what, and the buttons Approve and Deny."""
        session = self._pending(request.query_params.get("state", ""))
        if session is None:
            return _no_session()
        code = f"<p>Code: <code id='user-code'>{html.escape(session.user_code)}</code></p>" if session.user_code else ""
        return _page(
            f"Log in to {session.provider}",
            f"<p>FlowGate's embedded upstream asks to use an account. This is not {html.escape(session.provider)}: "
            f"nothing leaves this machine.</p>{code}<form method='post' action='/embedded/approve'>"
            f"<input type='hidden' name='state' value='{html.escape(session.state)}'>"
            f"<label>Account <input name='account' value='{html.escape(default_owner(session.provider))}'></label><br>"
            "<button id='approve' name='decision' value='approve'>Approve</button>"
            "<button id='deny' name='decision' value='deny'>Deny</button></form>",
        )

    async def decide(self, request: Request) -> Response:
        """Accept the click on a button."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        session = self._pending(form.get("state", ""))
        if session is None:
            return _no_session()
        approved = form.get("decision") == "approve"
        session.owner = NOT_IN_FILE_NAMES.sub("", form.get("account", ""))
        if session.kind in ("pkce", "social"):
            return self._return_to_client(session, approved)
        session.decision = "approve" if approved else "deny"
        return _page("Approved" if approved else "Denied", "<p>You can close this window.</p>")

    def _pending(self, state: str) -> Session | None:
        session = self.sessions.find(state)
        return session if session and session.pending else None

    def _return_to_client(self, session: Session, approved: bool) -> Response:
        result = {"code": self._issue(session.owner)} if approved else {"error": "access_denied"}
        query = urlencode({**result, "state": session.state})
        address = f"{session.redirect}?{query}"
        if session.listening:
            return RedirectResponse(address, 303, headers=CORS)
        here = f"/{callback_route(session.provider)}/callback?{query}"
        return _page(
            "Approved" if approved else "Denied",
            f"<p>Nothing listens on {html.escape(urlsplit(session.redirect).netloc)}. Paste this address into the "
            f"login that waits:</p><p><code id='redirect'>{html.escape(address)}</code></p>"
            f"<p>Or <a id='finish' href='{html.escape(here)}'>finish it here</a>.</p>",
        )

    def _issue(self, owner: str) -> str:
        code = f"approved-{secrets.token_hex(8)}"
        self.issued[code] = owner
        return code


def callback_route(provider: str) -> str:
    """Return the first part of a provider's callback path."""
    return {"gemini": "google"}.get(provider, provider)


def _no_session() -> Response:
    return _page("No such login", "<p>This login has ended or does not exist.</p>", 404)


def _page(title: str, body: str, status: int = 200) -> Response:
    head = f"<head><meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style></head>"
    return page(f"<!DOCTYPE html><html>{head}<body><h1>{html.escape(title)}</h1>{body}</body></html>", status)
