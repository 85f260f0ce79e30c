"""Carry out a conversation with CLIProxyAPIPlus: over HTTP, and with the user at the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

from flowgate.accounts.actions import (
    Action,
    Conversation,
    FindPortOwner,
    HttpRequest,
    Key,
    ReadAccountFile,
    Response,
    ShowMessage,
    ShowUrl,
    WaitFor,
    WaitResult,
)
from flowgate.accounts.management_api import RESTART
from flowgate.accounts.providers import Provider
from flowgate.domain import RemoteUpstream, Secret
from flowgate.errors import FlowGateError, Interrupted, NotReady, Unreachable, UsageError
from flowgate.gateway import cliproxy, release_assets, remote_upstream
from flowgate.step import StepContext

T = TypeVar("T")
REQUEST_SECONDS = 5.0
START_SECONDS = 30.0  # a device login sends a request to its vendor before it responds
LOG_LINES = 5000
NAME = cliproxy.NAME


class LoginDriver:
    """Runs one conversation.

    Args:
        context: Tools of this run.
        key: The management key.
        open_browser: Open URLs in the user's browser.
    """

    def __init__(self, context: StepContext, key: Secret, *, open_browser: bool = False) -> None:
        self._context, self._key, self._open_browser = context, key, open_browser
        self._base_url = base_url(context)
        self._began = context.clock.now()
        self._failed = False

    def run(self, conversation: Conversation[T]) -> T:
        """Carry out every action until the conversation returns.

        Args:
            conversation: The conversation.

        Returns:
            Its result.

        Raises:
            FlowGateError: The conversation failed.
            KeyboardInterrupt: The user interrupted it; it has cancelled what it started.
        """
        resume: Callable[[], Action] = partial(next, conversation)
        interrupted = False
        while True:
            try:
                action = resume()
            except FlowGateError as error:
                raise self._explained(error) from None
            except StopIteration as end:
                result: T = end.value
                return result
            except Interrupted:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise
            try:
                resume = partial(conversation.send, self._carry_out(action))
            except FlowGateError as error:
                # After the first failure the conversation only cleans up; a second one must not stop that.
                failed = partial(conversation.send, Response(0, {}, None, ""))
                resume = failed if self._failed else partial(conversation.throw, error)
                self._failed = True
            except KeyboardInterrupt:
                resume = partial(conversation.throw, Interrupted("the login was interrupted"))
                self._failed = interrupted = True

    def _explained(self, error: FlowGateError) -> FlowGateError:
        """Return an error of a remote program with a fix that can be carried out there."""
        remote = self._context.config.remote
        if remote and isinstance(error, Unreachable):
            error.fix = f"see whether it runs: inv health; it is at {remote.url}"
        elif remote and (not error.fix or RESTART in error.fix):
            error.fix = remote_upstream.management_fix(remote)
        return error

    def _carry_out(self, action: Action) -> object:
        context = self._context
        match action:
            case HttpRequest():
                return self._send(action)
            case ShowUrl():
                self._show_url(action)
            case ShowMessage():
                context.emit(action.text)
            case WaitFor():
                typed = context.read_line(action.seconds)
                return WaitResult(context.clock.now() - self._began, context.clock.wall(), typed)
            case ReadAccountFile():
                return self._read_account_file(action.name)
            case FindPortOwner():
                owner = context.port_owner("127.0.0.1", action.port)
                return f"process {owner[0]} ({owner[1]})" if owner and owner[0] else "another program"
        return None

    def _send(self, request: HttpRequest) -> Response:
        http, headers = self._context.http, self._headers(request.key)
        url = self._base_url + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        if request.method == "POST":
            response = http.post(url, dict(request.body or {}), headers=headers, timeout=START_SECONDS)
        elif request.method == "DELETE":
            response = http.delete(url, headers=headers, timeout=REQUEST_SECONDS)
        else:
            starts_login = request.path.endswith("-auth-url")
            response = http.get(url, headers=headers, timeout=START_SECONDS if starts_login else REQUEST_SECONDS)
        try:
            body = json.loads(response.text)
        except ValueError:
            body = None
        return Response(response.status, response.headers, body, response.text)

    def _headers(self, key: Key) -> dict[str, str | Secret]:
        remote = self._context.config.remote
        client_key = self._context.key(remote.key if remote else cliproxy.UPSTREAM_KEY) if key == "client" else None
        secret = self._key if key == "management" else client_key
        return {"Authorization": secret.bearer()} if secret else {}

    def _show_url(self, action: ShowUrl) -> None:
        emit = self._context.emit
        if self._open_browser and self._context.open_browser(action.url):
            emit(f"opened in your browser: {action.url}")
        else:
            if self._open_browser:
                emit("no browser could be opened here")
            emit(f"open this URL: {action.url}")
        if action.code:
            emit(f"and enter this code: {action.code}")
        if action.needs_paste:
            emit("then paste the URL at which your browser ends here, or in another terminal:")
            emit("  inv auth.login PROVIDER --redirect-url 'URL'")

    def _read_account_file(self, name: str) -> object:
        if "/" in name or name in ("", ".", ".."):
            return None
        if self._context.config.remote:
            return {"type": "remote"}  # its tokens stay there
        try:
            return json.loads(self._context.files.read(cliproxy.auth_folder(self._context.config) / name) or "null")
        except (ValueError, UsageError):
            return None


def base_url(context: StepContext) -> str:
    """Return the base URL of the running CLIProxyAPIPlus.

    Args:
        context: Tools of this run.

    Returns:
        The base URL, without a path.

    Raises:
        NotReady: It is not running.
    """
    if context.config.remote:
        return context.config.remote.url
    generation = context.supervisor.generation(NAME)
    if generation is None:
        raise NotReady(f"{NAME} is not running", fix=f"inv service.start --service {NAME}")
    return f"http://{generation['host']}:{generation['port']}"


def started_version(context: StepContext) -> str:
    """Return the version that the running program reported when it started; empty if its log no longer has it."""
    if context.config.remote:
        return ""
    lines = context.files.tail(cliproxy.log_file(context.config), LOG_LINES)
    return next((found for line in reversed(lines) if (found := release_assets.reported_version(f"{line}\n"))), "")


def management_key(context: StepContext, provider: Provider | None = None) -> Secret:
    """Return the management key.

    Args:
        context: Tools of this run.
        provider: The provider to log in to; the config may name another key for it.

    Returns:
        The key.

    Raises:
        UsageError: There is none.
    """
    if context.config.remote:
        return _remote_management_key(context, context.config.remote)
    own = context.config.providers.get(provider.name) if provider else None
    variable = (own.management_key_env if own else None) or cliproxy.MANAGEMENT_KEY
    key = context.key(variable)
    if key is None:
        raise UsageError(f"there is no management key ({variable})", fix="inv service.restart generates it")
    return key


def _remote_management_key(context: StepContext, remote: RemoteUpstream) -> Secret:
    if not remote.management_key:
        raise remote_upstream.management_closed(context.config, "its management is closed to this gateway")
    key = context.key(remote.management_key)
    if key is None:
        fix = f"export {remote.management_key}=…, or write it to {context.variables.file(remote.management_key)}"
        raise UsageError(f"the variable {remote.management_key} is not set", fix=fix)
    return key
