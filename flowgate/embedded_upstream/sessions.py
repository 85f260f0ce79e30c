"""OAuth sessions in memory.

Source: v6.8.16-0 forgets a finished session, and all others of its provider, at once, so that their status reads `ok`;
7.2.101-1 keeps it for a minute
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from flowgate.embedded_upstream.versions import Contract

COMPLETED_SECONDS = 60.0
PREFIXES = {
    "gemini": "gem-",
    "qwen": "gem-",
    "kimi": "kmi-",
    "iflow": "ifl-",
    "github": "gh-",
    "kiro": "kiro-",
    "xai": "xai-",
}
VALID_STATE = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(slots=True)
class Session:
    """One login in progress.

    Attributes:
        state: The OAuth state.
        provider: The provider, as the management API names it.
        kind: "pkce", "device", "aws" or "social".
        started: Start on the monotonic clock; for a failed session, when it failed.
        redirect: Where the vendor sends the browser.
        user_code: The code that a device login shows.
        error: Why it failed.
        completed: When it was completed, on the monotonic clock.
        decision: "approve" or "deny" as chosen on the approval page; empty before that.
        owner: The account that was entered on the approval page.
        listening: Whether a callback listener was opened for it.
    """

    state: str
    provider: str
    kind: str
    started: float
    redirect: str = ""
    user_code: str = ""
    error: str = ""
    completed: float | None = None
    decision: str = ""
    owner: str = ""
    listening: bool = False

    @property
    def pending(self) -> bool:
        """Whether it is neither completed nor failed."""
        return not self.error and self.completed is None


class Sessions:
    """All sessions, by state."""

    def __init__(self, contract: Contract, now: Callable[[], float]) -> None:
        self.contract, self.now = contract, now
        self.by_state: dict[str, Session] = {}

    def begin(self, provider: str, kind: str) -> Session:
        """Begin a session."""
        prefix = PREFIXES.get(provider)
        size = 32 if self.contract.newer else 16
        state = f"{prefix}{time.time_ns()}" if prefix else secrets.token_hex(size)
        session = Session(state, provider, kind, self.now())
        self.by_state[state] = session
        return session

    def find(self, state: str) -> Session | None:
        """Return a session; None if it is unknown or has expired."""
        session = self.by_state.get(state)
        if session is None:
            return None
        completed = session.completed is not None and self.now() - session.completed > COMPLETED_SECONDS
        if completed or self.now() - session.started > self.contract.session_seconds:
            del self.by_state[state]
            return None
        return session

    def complete(self, session: Session) -> None:
        """Complete a session; the older line forgets all sessions of its provider that have not failed."""
        session.completed = self.now()
        if self.contract.newer:
            return
        same = [one.state for one in self.by_state.values() if one.provider == session.provider and not one.error]
        for state in same:
            del self.by_state[state]

    def fail(self, session: Session, error: str) -> None:
        """End a session with an error, and keep it for its full time from now on."""
        session.error, session.started = error, self.now()

    def cancel(self, state: str) -> bool:
        """Forget a pending session, and return whether there was one."""
        session = self.find(state)
        if session is None or not session.pending:
            return False
        del self.by_state[state]
        return True

    def active(self, session: Session) -> bool:
        """Return whether a session is pending and was not cancelled."""
        return session.pending and self.by_state.get(session.state) is session


def valid(state: str) -> bool:
    """Return whether a text has the form of a state."""
    return bool(VALID_STATE.fullmatch(state)) and ".." not in state
