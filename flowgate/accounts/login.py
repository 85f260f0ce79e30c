"""A login: start it, show the URL, wait for it to finish, and verify the account.

Source: v6.8.16-0: `get-auth-status` returns `ok` for a state that was never issued, for one that another login ended,
and after a restart. Only a new or changed file in `/auth-files` proves a login.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.accounts.actions import (
    Conversation,
    Response,
    ShowMessage,
    ShowUrl,
    find_port_owner,
    get,
    wait,
)
from flowgate.accounts.installed_program import recorded
from flowgate.accounts.login_session import STATE, LoginSession, cancel, handle_pasted, state_in, submit
from flowgate.accounts.management_api import check, error_message, inspect_server
from flowgate.accounts.providers import NEWER, Provider, line_of
from flowgate.accounts.verification import Account, verify
from flowgate.errors import CheckFailed, EnvironmentFailure, FlowGateError, UsageError

DONE = ("ok", "success", "completed", "authorized")
PENDING = ("wait", "pending", "waiting", "device_code", "auth_url")
URL_FIELDS = ("url", "auth_url", "verification_uri_complete", "verification_uri", "verification_url")
PORT_BUSY = ("failed to start callback server", "callback server unavailable")
FINISH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What a login is asked to do.

    Attributes:
        provider: The provider.
        started_version: The version that the program reported when it started; empty if not known.
        timeout: Seconds that the user has.
        poll_interval: Seconds between two status requests.
        query: More query parameters for the first request ("project_id").
        elsewhere: The program runs on another machine, so that a browser on this one cannot be redirected to it.
    """

    provider: Provider
    started_version: str
    timeout: float
    poll_interval: float
    query: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False


def login(request: LoginRequest) -> Conversation[Account]:
    """Log in: start, show the URL, wait, and verify the account.

    Args:
        request: Provider and limits.

    Returns:
        The verified account.

    Raises:
        CheckFailed: The login was denied or timed out, or the account is not usable.
        EnvironmentFailure: CLIProxyAPIPlus cannot log in to this provider, or responds unexpectedly.
    """
    server = yield from inspect_server(request.started_version)
    session = yield from _start(request, server.version)
    try:
        yield from _wait_until_done(session, request.timeout, request.poll_interval)
    except FlowGateError:
        yield from cancel(session)
        raise
    return (yield from verify(request.provider, server.files))


def finish(provider: Provider, redirect_url: str, started_version: str) -> Conversation[Account]:
    """Submit the URL at which a browser ended, for a login that another command started.

    Args:
        provider: The provider.
        redirect_url: The browser's last URL.
        started_version: The version that the program reported when it started; empty if not known.

    Returns:
        The verified account.

    Raises:
        UsageError: The URL is not a redirect URL.
        CheckFailed: The login was not accepted, or the account is not usable.
    """
    state = state_in(redirect_url)
    if not state:
        what = "this is not the URL at which a login ends"
        raise UsageError(what, fix="copy the whole URL: it contains state=… and code=…")
    server = yield from inspect_server(started_version)
    session = LoginSession(provider, server.version, state)
    if error := (yield from submit(session, redirect_url)):
        raise CheckFailed(f"the login was not accepted: {error}", fix=f"start again: {provider.login_command}")
    yield from _wait_until_done(session, FINISH_SECONDS, 0.5)
    return (yield from verify(provider, server.files))


# --- start


def _start(request: LoginRequest, version: str) -> Conversation[LoginSession]:
    provider, query = request.provider, dict(request.query)
    unsupported = _unsupported(provider, version)
    path = provider.login_path(version)
    if path is None:
        raise unsupported
    if provider.flow != "browser" or request.elsewhere:
        response = check((yield from get(path, query)), not_found=unsupported)
        session = _session(provider, version, response)
    else:
        session = yield from _start_in_browser(provider, version, query)
    if session.url:
        needs_paste = provider.flow == "browser" and not session.has_callback
        yield ShowUrl(session.url, session.code, needs_paste=needs_paste)
        yield ShowMessage(f"waiting up to {request.timeout:g} s for you to finish the login; Ctrl-C cancels it")
    return session


def _start_in_browser(provider: Provider, version: str, query: dict[str, str]) -> Conversation[LoginSession]:
    """Start a login with the server's callback listener; if its port is in use, without one."""
    unsupported = _unsupported(provider, version)
    path = provider.login_path(version) or ""
    response = yield from get(path, {**query, "is_webui": "true"})
    if response.status == 500 and error_message(response) in PORT_BUSY and provider.callback_port:
        owner = yield from find_port_owner(provider.callback_port)
        yield ShowMessage(f"port {provider.callback_port}, to which the browser is redirected, is used by {owner}")
        response = yield from get(path, query)
        return _session(provider, version, check(response, not_found=unsupported))
    return _session(provider, version, check(response, not_found=unsupported), has_callback=True)


def _session(provider: Provider, version: str, response: Response, *, has_callback: bool = False) -> LoginSession:
    status = response.field("status")
    if status and status not in (*DONE, *PENDING):
        raise EnvironmentFailure(f"CLIProxyAPIPlus could not start the login: {response.field('error') or status}")
    state = response.field("state")
    if (state or provider.flow != "poll") and not STATE.fullmatch(state):
        raise EnvironmentFailure(f"CLIProxyAPIPlus returned no valid state for the login to {provider.name}")
    url = _url_in(response)
    if not url and provider.flow == "browser":
        raise EnvironmentFailure(f"CLIProxyAPIPlus returned no URL for the login to {provider.name}")
    return LoginSession(provider, version, state, url, response.field("user_code"), has_callback)


def _url_in(response: Response) -> str:
    """Return the first valid URL of the fields that servers use for it; empty if there is none."""
    found = [response.field(name) for name in URL_FIELDS if response.field(name)]
    valid = [url for url in found if re.match(r"https?://[^\s]+$", url)]
    if found and not valid:
        raise EnvironmentFailure(f"CLIProxyAPIPlus returned an invalid URL: {found[0][:60]!r}")
    return valid[0] if valid else ""


def _unsupported(provider: Provider, version: str) -> EnvironmentFailure:
    what = f"this CLIProxyAPIPlus ({version}) has no login for {provider.name} in its management API"
    fix = "inv auth.list"
    if provider.cli_flag and line_of(version) == NEWER and recorded(version).has_flag(provider.cli_flag):
        program = ".router/runtime/bin/CLIProxyAPIPlus -config .router/runtime/cliproxyapi.yaml"
        fix = f"try its own command line: umask 077; {program} {provider.cli_flag} -no-browser </dev/null"
    return EnvironmentFailure(what, fix=fix)


# --- wait


def _wait_until_done(session: LoginSession, timeout: float, poll_interval: float) -> Conversation[None]:
    provider, shown = session.provider, bool(session.url)
    while True:
        waited = yield from wait(poll_interval)
        if waited.typed:
            yield from handle_pasted(session, waited.typed)
        query = {"state": session.state} if session.state else {}
        response = check((yield from get(provider.status_path, query)))
        status = response.field("status")
        if status in DONE:
            return
        if status not in PENDING:
            error = response.field("error") or status or "no status"
            raise CheckFailed(f"the login to {provider.title} failed: {error}", fix=_fix_for(provider, error))
        url = _url_in(response)
        if url and not shown:
            shown = True
            yield ShowUrl(url, response.field("user_code"))
        if waited.elapsed >= timeout:
            what = f"the login to {provider.title} was not finished within {timeout:g} s"
            raise CheckFailed(what, fix=f"{provider.login_command} --timeout {2 * timeout:g}")


def _fix_for(provider: Provider, error: str) -> str:
    lower, again = error.lower(), f"try again: {provider.login_command}"
    if "exchang" in lower:
        return f"the vendor did not accept the code, or could not be reached; {again}"
    if "timeout" in lower or "timed out" in lower:
        return f"the login was not finished in the browser in time; {again}"
    if "save" in lower:
        return "check the auth folder: inv doctor"
    return f"you denied it in the browser, or the vendor refused it; {again}"
