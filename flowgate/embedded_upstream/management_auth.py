"""Who may use the management API: the real program's checks, in its order.

Source: v6.8.16-0 counts misses of other machines only; 7.2.101-1 those of localhost too, a missing key included.
Both take the caller's address from X-Forwarded-For.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import passwords
from flowgate.embedded_upstream.cooldown import go_duration
from flowgate.embedded_upstream.responses import failed
from flowgate.embedded_upstream.state import State

MISSES = 5
BAN_SECONDS = 1800.0
LOCAL = ("127.0.0.1", "::1")


@dataclass(slots=True)
class Misses:
    """What one address did wrong. until: banned until then, on the monotonic clock."""

    count: int = 0
    until: float = 0.0


class Gate:
    """The checks, and the addresses that are banned."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.misses: dict[str, Misses] = {}

    async def refuse(self, request: Request) -> Response | None:
        """Refuse a request, or let it in (None)."""
        address = caller(request)
        local = address in LOCAL
        counted = self.state.contract.newer or not local
        left = self.misses[address].until - self.state.now() if address in self.misses else 0.0
        if counted and left > 0:
            return failed(f"IP banned due to too many failed attempts. Try again in {go_duration(left)}", 403)
        if not local and not (self.state.password or self.state.settings.allow_remote):
            return failed("remote management disabled", 403)
        if not self.state.managed():
            return failed("remote management key not set", 403)
        key = shown(request)
        if "any-management-key" in self.state.lies or (key and await self._right(key)):
            self.misses.pop(address, None)
            return None
        if counted:
            self._miss(address)
        return failed("invalid management key" if key else "missing management key", 401)

    async def _right(self, key: str) -> bool:
        if self.state.password and hmac.compare_digest(key.encode(), self.state.password.encode()):
            return True
        secret = self.state.settings.secret_key
        return bool(secret) and await asyncio.to_thread(passwords.matches, key, secret)

    def _miss(self, address: str) -> None:
        misses = self.misses.setdefault(address, Misses())
        misses.count += 1
        if misses.count >= MISSES:
            misses.count, misses.until = 0, self.state.now() + BAN_SECONDS


def caller(request: Request) -> str:
    """Say which address asks; whoever stands first in X-Forwarded-For is believed."""
    named = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    for text in (named, request.headers.get("x-real-ip", "").strip()):
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            continue
    return request.client.host if request.client else ""


def shown(request: Request) -> str:
    """Read the key that is shown: Authorization, with or without a scheme, else X-Management-Key."""
    given = request.headers.get("authorization", "")
    scheme, _, rest = given.partition(" ")
    key = rest.strip() if scheme.lower() == "bearer" else given
    return key or request.headers.get("x-management-key", "")
