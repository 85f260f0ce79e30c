"""The page that stands in for every vendor's own: who is asking, Approve, Deny."""

from __future__ import annotations

import html
import re
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flowgate.embedded_upstream.credentials import GITHUB_PERSON, PERSON
from flowgate.embedded_upstream.responses import CORS, page
from flowgate.embedded_upstream.sessions import Session, Sessions

UNFIT = re.compile(r"[^A-Za-z0-9@_+.-]|(?<![A-Za-z0-9])\.")
STYLE = "body{font-family:sans-serif;max-width:36em;margin:4em auto}button{font-size:1.1em;margin:1em 1em 0 0}"


class Approvals:
    """The page's two sides, and the codes it has handed out. issued: code → whose"""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.issued: dict[str, str] = {}

    async def show(self, request: Request) -> Response:
        """Show the page."""
        session = self.sessions.find(request.query_params.get("state", ""))
        if session is None or not session.pending:
            return page(_document("No such login", "<p>This login is over, or never began.</p>"), 404)
        code = f"<p>Code: <code id='user-code'>{html.escape(session.user_code)}</code></p>" if session.user_code else ""
        person = GITHUB_PERSON if session.provider == "github" else PERSON
        return page(
            _document(
                f"Log in to {session.provider}",
                f"<p>FlowGate's embedded upstream asks to use an account. This is not {html.escape(session.provider)}: "
                f"nothing leaves this machine.</p>{code}<form method='post' action='/embedded/approve'>"
                f"<input type='hidden' name='state' value='{html.escape(session.state)}'>"
                f"<label>Account <input name='account' value='{html.escape(person)}'></label><br>"
                "<button id='approve' name='decision' value='approve'>Approve</button>"
                "<button id='deny' name='decision' value='deny'>Deny</button></form>",
            )
        )

    async def decide(self, request: Request) -> Response:
        """Take the click."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        session = self.sessions.find(form.get("state", ""))
        if session is None or not session.pending:
            return page(_document("No such login", "<p>This login is over, or never began.</p>"), 404)
        approved = form.get("decision") == "approve"
        session.person = UNFIT.sub("", form.get("account", ""))  # it becomes part of a file name
        if session.shape not in ("pkce", "social"):
            session.decision = "approve" if approved else "deny"
            return page(_document("Approved" if approved else "Denied", "<p>You can close this window.</p>"))
        return self._back(session, approved)

    def _back(self, session: Session, approved: bool) -> Response:
        given = {"code": self._issue(session.person)} if approved else {"error": "access_denied"}
        query = urlencode({**given, "state": session.state})
        where = f"{session.redirect}?{query}"
        if session.forwarded:
            return RedirectResponse(where, 303, headers=CORS)
        here = f"/{routes(session.provider)}/callback?{query}"
        return page(
            _document(
                "Approved" if approved else "Denied",
                f"<p>Nothing listens on {html.escape(urlsplit(session.redirect).netloc)}. Paste this address into the "
                f"login that waits:</p><p><code id='redirect'>{html.escape(where)}</code></p>"
                f"<p>Or <a id='finish' href='{html.escape(here)}'>finish it here</a>.</p>",
            )
        )

    def _issue(self, person: str) -> str:
        code = f"approved-{secrets.token_hex(8)}"
        self.issued[code] = person
        return code


def routes(provider: str) -> str:
    """Name the callback route of a provider."""
    return {"gemini": "google"}.get(provider, provider)


def _document(title: str, body: str) -> str:
    head = f"<head><meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style></head>"
    return f"<!DOCTYPE html><html>{head}<body><h1>{html.escape(title)}</h1>{body}</body></html>"
