"""The background tasks behind logins: wait for the callback or the click, then write the account.

Source: both lines look for `<auth-dir>/.oauth-<provider>-<state>.oauth` every half second, for five minutes
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import TypedDict

from flowgate.embedded_upstream import credentials, regular_files
from flowgate.embedded_upstream.approve import ApprovalPage
from flowgate.embedded_upstream.callback_listener import CallbackListener
from flowgate.embedded_upstream.responses import unreachable
from flowgate.embedded_upstream.sessions import Session, Sessions
from flowgate.embedded_upstream.state import State

POLL_SECONDS = 0.2  # 0.5 in the real program
CALLBACK_SECONDS = 300.0
DEVICE_SECONDS = 900.0
EXCHANGE_SECONDS = 0.05
ACCEPTED_CODE = "good"  # accepted as a code of the approval page, for callback addresses that are typed by hand
TIMED_OUT = {"codex": "Timeout waiting for OAuth callback", "anthropic": "Timeout waiting for OAuth callback"}
DENIED = {"codex": "Bad Request", "anthropic": "Bad request"}
EXCHANGE_FAILED = {
    "codex": "Failed to exchange authorization code for tokens",
    "anthropic": "Failed to exchange authorization code for tokens",
    "iflow": "Authentication failed",
    "kiro": "Failed to exchange code for tokens",
}
TOKEN_URLS = {
    "codex": "https://auth.openai.com/oauth/token",
    "anthropic": "https://api.anthropic.com/v1/oauth/token",
    "antigravity": "https://oauth2.googleapis.com/token",
}


class Callback(TypedDict):
    """The content of a callback file."""

    code: str
    state: str
    error: str


class LoginFlows:
    """The tasks of the sessions, and their callback listeners."""

    def __init__(self, state: State, sessions: Sessions, approval: ApprovalPage) -> None:
        self.state, self.sessions, self.approval = state, sessions, approval
        self.listeners: dict[str, CallbackListener] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, session: Session) -> None:
        """Start the task of a session."""
        work = self._callback(session) if session.kind in ("pkce", "social") else self._device(session)
        task = asyncio.create_task(self._run(session, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, session: Session, work: Coroutine[None, None, None]) -> None:
        listener = self.listeners.get(session.provider) if session.listening else None
        try:
            await work
        except OSError as error:  # for example a full disk
            self._not_saved(session, str(error.strerror))
        except ValueError as error:  # something else wrote the callback file
            self._not_saved(session, str(error))
        finally:
            if listener is not None:
                listener.close()

    def _not_saved(self, session: Session, reason: str) -> None:
        self.state.log(f"login of {session.provider}: {reason}")
        self.sessions.fail(session, "Failed to save authentication tokens")

    async def listen(self, session: Session, target: str, port: int) -> int:
        """Open a callback listener; it replaces the one of an earlier login of the provider.

        Args:
            session: The session it belongs to.
            target: Where it redirects the browser.
            port: The port; 0 for a free one.

        Returns:
            The port.

        Raises:
            OSError: The port is taken.
        """
        if old := self.listeners.pop(session.provider, None):
            old.close()
        listener = CallbackListener(target)
        await listener.open(port)
        self.listeners[session.provider], session.listening = listener, True
        return listener.port

    # --- callback

    def deliver_callback(self, session: Session, code: str, error: str) -> None:
        """Write the callback file of a session atomically and private; a login whose file cannot be written fails."""
        path = self._callback_file(session)
        draft = path.with_suffix(".part")
        content = Callback(code=code, state=session.state, error=error)
        try:
            regular_files.write(draft, json.dumps(content).encode(), 0o600)
            draft.replace(path)
        except OSError as refused:
            self._not_saved(session, str(refused.strerror))

    def _callback_file(self, session: Session) -> Path:
        return self.state.accounts.folder / f".oauth-{session.provider}-{session.state}.oauth"

    async def _callback(self, session: Session) -> None:
        path, deadline = self._callback_file(session), self.state.now() + CALLBACK_SECONDS
        while not path.exists():
            if self.state.now() > deadline:
                return self.sessions.fail(session, TIMED_OUT.get(session.provider, "OAuth flow timed out"))
            await asyncio.sleep(POLL_SECONDS)
            if not self.sessions.active(session):
                return None
        callback: Callback = json.loads(regular_files.read_bytes(path))
        path.unlink()
        if callback["error"]:
            return self.sessions.fail(session, DENIED.get(session.provider, "Authentication failed"))
        await asyncio.sleep(EXCHANGE_SECONDS)
        if error := self._exchange(session, callback["code"]):
            return self.sessions.fail(session, error)
        return self._finish(session)

    def _exchange(self, session: Session, code: str) -> str:
        """Exchange a code for an account, and return the error, if any."""
        proxy, issued = self.state.settings.proxy_url, self.approval.issued
        if proxy:
            url = TOKEN_URLS.get(session.provider, "https://vendor.invalid/token")
            cause = f'token exchange request failed: Post "{url}": {unreachable(proxy, "vendor.invalid")}'
        elif code in issued or code == ACCEPTED_CODE:
            session.owner = issued.pop(code, session.owner)
            return ""
        else:
            cause = 'token exchange failed with status 400: {"error":"invalid_grant"}'
        error = EXCHANGE_FAILED.get(session.provider, "Failed to exchange token")
        return f"{error}: {cause}" if self.state.contract.newer else error

    # --- device code

    async def _device(self, session: Session) -> None:
        deadline = self.state.now() + DEVICE_SECONDS
        while not session.decision:
            if self.state.now() > deadline:
                return self.sessions.fail(session, "Authentication failed")
            await asyncio.sleep(POLL_SECONDS)
            if self.state.contract.newer and not self.sessions.active(session):
                return None
        if session.decision == "deny":
            return self.sessions.fail(session, "Authentication failed")
        return self._finish(session)

    def _finish(self, session: Session) -> None:
        """Write the auth file, then complete the session."""
        name, content = credentials.build(session.provider, session.owner, self.state.contract)
        self.state.accounts.add(name, content)
        self._callback_file(session).unlink(missing_ok=True)
        self.sessions.complete(session)
