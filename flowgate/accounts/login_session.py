"""A login that has started: submitting the URL at which the browser ended, and cancelling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from flowgate.accounts.actions import MANAGEMENT, Conversation, HttpRequest, ShowMessage, post
from flowgate.accounts.management_api import error_message
from flowgate.accounts.providers import NEWER, Provider, line_of

STATE = re.compile(r"[A-Za-z0-9._-]{1,128}")
CALLBACK = f"{MANAGEMENT}/oauth-callback"


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A login that has started.

    Attributes:
        provider: The provider.
        version: The server's version.
        state: The OAuth state; empty if the server reports none.
        url: The URL to open; empty while it is not known.
        code: The code to enter there; empty if none.
        has_callback: The server listens on the port to which the browser is redirected.
    """

    provider: Provider
    version: str
    state: str
    url: str = ""
    code: str = ""
    has_callback: bool = False


def handle_pasted(session: LoginSession, typed: str) -> Conversation[None]:
    """Submit a URL that the user pasted, and show whether it was accepted."""
    state = state_in(typed)
    if not state:
        yield ShowMessage("this is not the URL at which a login ends: it contains state=… and code=…; paste all of it")
    elif state != session.state:
        yield ShowMessage("this URL belongs to another login; paste the one at which the page above ends")
    elif error := (yield from submit(session, typed)):
        yield ShowMessage(f"not accepted: {error}")
    else:
        yield ShowMessage("accepted; waiting for the account")


def state_in(url: str) -> str:
    """Return the state in a redirect URL; empty if it is not one (a state, and a code or an error)."""
    try:
        query = parse_qs(urlsplit(url.strip()).query)
    except ValueError:
        return ""
    state = query.get("state", [""])[0]
    return state if STATE.fullmatch(state) and ("code" in query or "error" in query) else ""


def submit(session: LoginSession, redirect_url: str) -> Conversation[str]:
    """Send a redirect URL to the server; return its error, empty if it accepts."""
    body = {"provider": session.provider.callback_name, "redirect_url": redirect_url.strip()}
    response = yield from post(CALLBACK, body)
    if response.status == 200 and response.field("status") == "ok":
        return ""
    return error_message(response) or f"status {response.status}"


def cancel(session: LoginSession) -> Conversation[None]:
    """End a login so that its callback port is free again; the response is ignored."""
    if not session.state:
        return
    if line_of(session.version) == NEWER:
        yield HttpRequest("DELETE", f"{MANAGEMENT}/oauth-session", {"state": session.state})
    elif session.provider.flow == "browser":
        body = {"provider": session.provider.callback_name, "state": session.state, "error": "access_denied"}
        yield HttpRequest("POST", CALLBACK, body=body)
