"""What goes on behind a login: waiting for the callback's file, or for the click; writing the account.

Source: both generations look for `<auth-dir>/.oauth-<provider>-<state>.oauth` every half second, for five minutes
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from flowgate.embedded_upstream import credentials
from flowgate.embedded_upstream.approve import Approvals
from flowgate.embedded_upstream.callback_listener import Forwarder
from flowgate.embedded_upstream.sessions import Session, Sessions
from flowgate.embedded_upstream.state import State

POLL_SECONDS = 0.2  # the real program takes 0.5
WAIT_SECONDS = 300.0
DEVICE_SECONDS = 900.0
EXCHANGE_SECONDS = 0.05
SOUND_CODE = "good"  # taken for a code of the approve page, so that a pasted address can be written by hand
TIMED_OUT = {"codex": "Timeout waiting for OAuth callback", "anthropic": "Timeout waiting for OAuth callback"}
DENIED = {"codex": "Bad Request", "anthropic": "Bad request"}
NOT_EXCHANGED = {
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
OTHERS = {"codex": "anthropic"}


class Flows:
    """The tasks behind sessions, and the listeners that go with them."""

    def __init__(self, state: State, sessions: Sessions, approvals: Approvals) -> None:
        self.state, self.sessions, self.approvals = state, sessions, approvals
        self.forwarders: dict[str, Forwarder] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, session: Session) -> None:
        """Follow a session in the background."""
        work = self._callback(session) if session.shape in ("pkce", "social") else self._device(session)
        self._follow(self._closing(session, work))

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _closing(self, session: Session, work: Coroutine[Any, Any, None]) -> None:
        mine = self.forwarders.get(session.provider) if session.forwarded else None
        try:
            await work
        except OSError as error:  # a full disk, a folder that is not ours
            self.state.log(f"login of {session.provider}: {error.strerror}")
            self.sessions.fail(session, "Failed to save authentication tokens")
        finally:
            if mine is not None:
                mine.close()

    # --- the listener

    async def forward(self, session: Session, target: str, port: int) -> int:
        """Listen on a vendor's callback port; a second login of a provider replaces the first one's listener.

        Returns:
            The port.

        Raises:
            OSError: See the message.
        """
        if old := self.forwarders.pop(session.provider, None):
            old.close()
        forwarder = Forwarder(target)
        await forwarder.open(port)
        self.forwarders[session.provider], session.forwarded = forwarder, True
        return forwarder.port

    # --- the callback's file

    def file(self, provider: str, state: str) -> Path:
        """Name the file through which a callback is handed over."""
        return self.state.accounts.folder / f".oauth-{provider}-{state}.oauth"

    def hand_over(self, session: Session, code: str, error: str) -> None:
        """Write the callback's file, private and whole."""
        path = self.file(session.provider, session.state)
        draft = path.with_suffix(".part")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"code": code, "state": session.state, "error": error}), encoding="utf-8")
        draft.replace(path)

    async def _callback(self, session: Session) -> None:
        path, until = self.file(session.provider, session.state), self.state.now() + WAIT_SECONDS
        while not path.exists():
            if self.state.now() > until:
                text = TIMED_OUT.get(session.provider, "OAuth flow timed out")
                return self.sessions.fail(session, text)
            await asyncio.sleep(POLL_SECONDS)
            if not self.sessions.lives(session):
                return None
        handed = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        if handed["error"]:
            return self.sessions.fail(session, DENIED.get(session.provider, "Authentication failed"))
        await asyncio.sleep(EXCHANGE_SECONDS)
        if fault := self._exchange(session, handed["code"]):
            return self.sessions.fail(session, fault)
        return self._finish(session)

    def _exchange(self, session: Session, code: str) -> str:
        """Trade a code for an account, as a vendor would; give the fault."""
        fault = NOT_EXCHANGED.get(session.provider, "Failed to exchange token")
        if self.state.settings.proxy_url:
            from flowgate.embedded_upstream.management import unreachable

            url = TOKEN_URLS.get(session.provider, "https://vendor.invalid/token")
            cause = f'token exchange request failed: Post "{url}": {unreachable(self.state, "vendor.invalid")}'
        elif code in self.approvals.issued or code == SOUND_CODE:
            session.person = self.approvals.issued.pop(code, session.person)
            return ""
        else:
            cause = 'token exchange failed with status 400: {"error":"invalid_grant"}'
        return f"{fault}: {cause}" if self.state.contract.newer else fault

    # --- the click

    async def _device(self, session: Session) -> None:
        until = self.state.now() + DEVICE_SECONDS
        while not session.decision:
            if self.state.now() > until:
                return self.sessions.fail(session, "Authentication failed")
            await asyncio.sleep(POLL_SECONDS)
            if self.state.contract.newer and not self.sessions.lives(session):
                return None
        if session.decision == "deny":
            return self.sessions.fail(session, "Authentication failed")
        return self._finish(session)

    # --- the account

    def _finish(self, session: Session) -> None:
        """Write the account's file first, then say so."""
        lies, accounts = self.state.lies, self.state.accounts
        if "never-ok" in lies:
            return
        if "ok-without-file" not in lies:
            provider = session.provider
            if "wrong-provider" in lies:
                provider = OTHERS.get(provider, "codex")
            expired = "file-expired" in lies
            name, tree = credentials.build(provider, session.person, self.state.contract, expired)
            accounts.save(accounts.folder / name, tree)
            accounts.scan()
            if self.state.contract.newer and name in accounts.by_name:
                accounts.by_name[name].refreshed = str(tree.get("last_refresh") or "")
        self.file(session.provider, session.state).unlink(missing_ok=True)
        self.sessions.complete(session)
