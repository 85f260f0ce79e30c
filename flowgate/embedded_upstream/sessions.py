"""OAuth sessions in memory: begun, found, finished, forgotten, as each generation does it.

Source: v6.8.16-0 forgets a finished session, and every other one of its provider, at once, so that they read `ok`;
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
PREFIXES = {"gemini": "gem-", "qwen": "gem-", "kimi": "kmi-", "iflow": "ifl-", "github": "gh-", "kiro": "kiro-"}
VALID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(slots=True)
class Session:
    """One login under way.

    Attributes:
        shape: "pkce", "device", "aws" or "social".
        born: On the monotonic clock.
        done: When it was finished.
        redirect: Where the vendor would send the browser.
        decision: What was clicked: "approve", "deny" or nothing yet.
    """

    state: str
    provider: str
    shape: str
    born: float
    redirect: str = ""
    user_code: str = ""
    error: str = ""
    done: float | None = None
    decision: str = ""
    person: str = ""
    forwarded: bool = False

    @property
    def pending(self) -> bool:
        """Say whether it still waits."""
        return not self.error and self.done is None


class Sessions:
    """All sessions."""

    def __init__(self, contract: Contract, now: Callable[[], float]) -> None:
        self.contract, self.now = contract, now
        self.by_state: dict[str, Session] = {}

    def begin(self, provider: str, shape: str) -> Session:
        """Begin a session."""
        prefix = PREFIXES.get(provider, "xai-" if provider == "xai" else "")
        size = 32 if self.contract.newer else 16
        state = f"{prefix}{time.time_ns()}" if prefix else secrets.token_hex(size)
        session = Session(state, provider, shape, self.now())
        self.by_state[state] = session
        return session

    def find(self, state: str) -> Session | None:
        """Find a session that has not been forgotten."""
        session = self.by_state.get(state)
        if session is None:
            return None
        over = session.done is not None and self.now() - session.done > COMPLETED_SECONDS
        if over or self.now() - session.born > self.contract.session_seconds:
            del self.by_state[state]
            return None
        return session

    def complete(self, session: Session) -> None:
        """Finish a session."""
        session.done = self.now()
        if self.contract.newer:
            return
        alike = [one.state for one in self.by_state.values() if one.provider == session.provider and not one.error]
        for state in alike:
            del self.by_state[state]

    def fail(self, session: Session, text: str) -> None:
        """End a session with an error; it is remembered from now on."""
        session.error, session.born = text, self.now()

    def cancel(self, state: str) -> bool:
        """Drop a session that waits; say whether there was one."""
        session = self.find(state)
        if session is None or not session.pending:
            return False
        del self.by_state[state]
        return True

    def lives(self, session: Session) -> bool:
        """Say whether a session still waits and was not dropped."""
        return session.pending and self.by_state.get(session.state) is session


def valid(state: str) -> bool:
    """Say whether a text can be a state."""
    return bool(VALID.fullmatch(state)) and ".." not in state
