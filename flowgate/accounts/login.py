"""A login, from the first question to an account that is believed.

Source: `get-auth-status` answers `ok` for a state that nobody began, for one that another login ended, and after a
restart (v6.8.16-0): only a new or changed file in `/auth-files` is a login.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flowgate.accounts import management_api
from flowgate.accounts.actions import MANAGEMENT, Ask, Say, Show, Talk, ask, wait, whose
from flowgate.accounts.management_api import managed, message
from flowgate.accounts.providers import NEWER, Provider, generation
from flowgate.accounts.verification import Account, verify
from flowgate.errors import CheckFailed, EnvironmentFailure, FlowGateError, UsageError

STATE = re.compile(r"[A-Za-z0-9._-]{1,128}")
DONE = ("ok", "success", "completed", "authorized")
WAITING = ("wait", "pending", "waiting", "device_code", "auth_url")
CALLBACK = f"{MANAGEMENT}/oauth-callback"
PORT_BUSY = ("failed to start callback server", "callback server unavailable")
FINISH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """A login that has begun. state: empty where the server names none; url: empty while it has not been told"""

    provider: Provider
    version: str
    state: str
    url: str = ""
    code: str = ""
    forwarded: bool = False


def login(
    provider: Provider, *, started: str, timeout: float, every: float, query: Mapping[str, str] | None = None
) -> Talk[Account]:
    """Log in: begin, show where to go, wait, and believe only a file.

    Args:
        started: The version that the program stated when it was started; empty when nobody knows.
        timeout: Seconds for the person.
        every: Seconds between two questions.
        query: More for the start ("project_id").

    Raises:
        CheckFailed: A login that was denied, timed out or is not to be believed.
        EnvironmentFailure: See the message.
    """
    before = yield from management_api.first_look(started)
    session = yield from _begin(provider, before.version, dict(query or {}), timeout)
    try:
        yield from _until_done(session, timeout, every)
    except FlowGateError:
        yield from _cancel(session)
        raise
    return (yield from verify(provider, before))


def finish(provider: Provider, redirect: str, *, started: str) -> Talk[Account]:
    """Hand over the address at which a browser ended, for a login that waits elsewhere.

    Raises:
        UsageError: An address that is none.
        CheckFailed: The login is not accepted or believed.
    """
    state = _state_of(redirect)
    if not state:
        raise UsageError("that is no address at which a login ends", fix="paste it whole: it holds state=… and code=…")
    before = yield from management_api.first_look(started)
    session = Session(provider, before.version, state)
    if refused := (yield from _hand_over(session, redirect)):
        raise CheckFailed(f"the login was not accepted: {refused}", fix=f"begin anew: {_again(provider)}")
    yield from _until_done(session, FINISH_SECONDS, 0.5)
    return (yield from verify(provider, before))


# --- begin


def _begin(provider: Provider, version: str, query: dict[str, str], timeout: float) -> Talk[Session]:
    path = provider.start(version)
    if path is None:
        raise _cannot(provider, version)
    if provider.flow != "browser":
        heard = yield from ask("GET", path, query)
        session = _session(provider, version, managed(heard, absent=_cannot(provider, version)))
    else:
        session = yield from _begin_in_browser(provider, version, path, query)
    if session.url:
        yield Show(session.url, session.code, pasting=provider.flow == "browser" and not session.forwarded)
        yield Say(f"waiting for you, at most {timeout:g} s; Ctrl-C gives up")
    return session


def _begin_in_browser(provider: Provider, version: str, path: str, query: dict[str, str]) -> Talk[Session]:
    """Let the server listen where the vendor's page sends the browser; without that its address has to be pasted."""
    heard = yield from ask("GET", path, {**query, "is_webui": "true"})
    if heard.status == 500 and message(heard) in PORT_BUSY and provider.port:
        holder = yield from whose(provider.port)
        yield Say(f"port {provider.port}, to which the browser would come back, is held by {holder}")
        heard = yield from ask("GET", path, query)
        return _session(provider, version, managed(heard, absent=_cannot(provider, version)))
    tree = managed(heard, absent=_cannot(provider, version))
    return _session(provider, version, tree, forwarded=True)


def _session(provider: Provider, version: str, tree: Mapping[str, Any], *, forwarded: bool = False) -> Session:
    if tree.get("status", "ok") not in (*DONE, *WAITING):
        raise EnvironmentFailure(
            f"CLIProxyAPIPlus could not begin the login: {tree.get('error') or tree.get('status')}"
        )
    state = str(tree.get("state") or "")
    if (state or provider.flow != "poll") and not STATE.fullmatch(state):
        raise EnvironmentFailure(f"CLIProxyAPIPlus began a login of {provider.name} without a state")
    url, code = _where(tree)
    if not url and provider.flow == "browser":
        raise EnvironmentFailure(f"CLIProxyAPIPlus gave no address for the login of {provider.name}")
    return Session(provider, version, state, url, code, forwarded)


def _where(tree: Mapping[str, Any]) -> tuple[str, str]:
    """Find the address and the code among the names that servers give them."""
    names = ("url", "auth_url", "verification_uri_complete", "verification_uri", "verification_url")
    found = [str(tree[name]) for name in names if tree.get(name)]
    sound = [url for url in found if re.match(r"https?://[^\s]+$", url)]
    if found and not sound:
        raise EnvironmentFailure(f"CLIProxyAPIPlus gave an address that is none: {found[0][:60]!r}")
    return (sound[0] if sound else ""), str(tree.get("user_code") or "")


def _cannot(provider: Provider, version: str) -> EnvironmentFailure:
    what = f"this CLIProxyAPIPlus ({version}) has no login for {provider.name} in its management API"
    fix = "inv auth.list"
    if provider.flag and generation(version) == NEWER:
        program = ".router/runtime/bin/CLIProxyAPIPlus -config .router/runtime/cliproxyapi.yaml"
        fix = f"its own command line may: umask 077; {program} {provider.flag} -no-browser </dev/null"
    return EnvironmentFailure(what, fix=fix)


# --- wait


def _until_done(session: Session, timeout: float, every: float) -> Talk[None]:
    shown = bool(session.url)
    while True:
        waited = yield from wait(every)
        if waited.typed:
            yield from _pasted(session, waited.typed)
        query = {"state": session.state} if session.state else {}
        tree = managed((yield from ask("GET", session.provider.status, query)))
        status = str(tree.get("status") or "")
        if status in DONE:
            return
        if status not in WAITING:
            raise _denied(session.provider, str(tree.get("error") or tree.get("status") or "no status"))
        url, code = _where(tree)
        if url and not shown:
            shown = True
            yield Show(url, code)
        if waited.elapsed >= timeout:
            what = f"nobody finished the login to {session.provider.title} within {timeout:g} s"
            raise CheckFailed(what, fix=f"{_again(session.provider)} --timeout {2 * timeout:g}")


def _denied(provider: Provider, error: str) -> CheckFailed:
    return CheckFailed(f"the login to {provider.title} failed: {error}", fix=_reason(provider, error))


def _reason(provider: Provider, error: str) -> str:
    lower = error.lower()
    if "exchang" in lower:
        return f"the code was not accepted by the vendor, or the vendor was not reached; again: {_again(provider)}"
    if "timeout" in lower or "timed out" in lower:
        return f"nobody finished it in the browser in time; again: {_again(provider)}"
    if "save" in lower:
        return "look at the auth folder: inv doctor"
    return f"denied in the browser, or refused by the vendor; again: {_again(provider)}"


def _again(provider: Provider) -> str:
    return f"inv auth.login {provider.name}"


# --- a pasted address


def _pasted(session: Session, typed: str) -> Talk[None]:
    state = _state_of(typed)
    if not state:
        yield Say("that is no address at which a login ends: it holds state=… and code=…; paste it whole")
    elif state != session.state:
        yield Say("that address belongs to another login; take the one that the page above leads to")
    elif refused := (yield from _hand_over(session, typed)):
        yield Say(f"not accepted: {refused}")
    else:
        yield Say("accepted; waiting for the account")


def _state_of(address: str) -> str:
    """Give the state that an address carries beside a code or an error; empty when it is none of a login."""
    try:
        query = parse_qs(urlsplit(address.strip()).query)
    except ValueError:
        return ""
    state = query.get("state", [""])[0]
    return state if STATE.fullmatch(state) and ("code" in query or "error" in query) else ""


def _hand_over(session: Session, address: str) -> Talk[str]:
    """Hand an address over; give the server's refusal, empty when it accepts."""
    body = {"provider": session.provider.session, "redirect_url": address.strip()}
    heard = yield from ask("POST", CALLBACK, body=body)
    if heard.status == 200 and isinstance(heard.tree, dict) and heard.tree.get("status") == "ok":
        return ""
    return message(heard) or f"status {heard.status}"


def _cancel(session: Session) -> Talk[None]:
    """End a login that nobody waits for any more, so that its port is free again; an answer does not matter."""
    if not session.state:
        return
    if generation(session.version) == NEWER:
        yield Ask("DELETE", f"{MANAGEMENT}/oauth-session", {"state": session.state})
    elif session.provider.flow == "browser":
        body = {"provider": session.provider.session, "state": session.state, "error": "access_denied"}
        yield Ask("POST", CALLBACK, body=body)
