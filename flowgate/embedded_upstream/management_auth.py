"""Who may use the management API: the real program's checks, in its order.

Source: v6.8.16-0 counts failed attempts of other machines only; 7.2.101-1 also those of localhost, and requests without
a key. Both take the client's address from X-Forwarded-For.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import go_format, passwords
from flowgate.embedded_upstream.responses import failed
from flowgate.embedded_upstream.state import State

ALLOWED_FAILURES = 5
BAN_SECONDS = 1800.0
LOCAL = ("127.0.0.1", "::1")


@dataclass(slots=True)
class FailedAttempts:
    """The failed attempts of one address.

    Attributes:
        count: Failures since the last ban.
        banned_until: End of the ban on the monotonic clock.
    """

    count: int = 0
    banned_until: float = 0.0


class ManagementAuth:
    """The checks, and the addresses that are banned."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.failures: dict[str, FailedAttempts] = {}

    async def refuse(self, request: Request) -> Response | None:
        """Return the response that refuses a request; None if the request is allowed."""
        address = _client_address(request)
        local = address in LOCAL
        counted = self.state.contract.newer or not local
        left = self.failures[address].banned_until - self.state.now() if address in self.failures else 0.0
        if counted and left > 0:
            wait = go_format.duration(left)
            return failed(f"IP banned due to too many failed attempts. Try again in {wait}", 403)
        if not local and not (self.state.password or self.state.settings.allow_remote):
            return failed("remote management disabled", 403)
        if not self.state.has_management_key:
            return failed("remote management key not set", 403)
        key = _key(request)
        if key and await self._is_valid(key):
            self.failures.pop(address, None)
            return None
        if counted:
            self._count_failure(address)
        return failed("invalid management key" if key else "missing management key", 401)

    async def _is_valid(self, key: str) -> bool:
        if self.state.password and hmac.compare_digest(key.encode(), self.state.password.encode()):
            return True
        secret = self.state.settings.secret_key
        return bool(secret) and await asyncio.to_thread(passwords.matches, key, secret)

    def _count_failure(self, address: str) -> None:
        failures = self.failures.setdefault(address, FailedAttempts())
        failures.count += 1
        if failures.count >= ALLOWED_FAILURES:
            failures.count, failures.banned_until = 0, self.state.now() + BAN_SECONDS


def _client_address(request: Request) -> str:
    """Return the client's address: the first in X-Forwarded-For, X-Real-IP, or that of the connection."""
    forwarded = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    for named in (forwarded, request.headers.get("x-real-ip", "").strip()):
        try:
            return str(ipaddress.ip_address(named))
        except ValueError:
            continue
    return request.client.host if request.client else ""


def _key(request: Request) -> str:
    """Return the key of a request: Authorization, with or without `Bearer`, else X-Management-Key."""
    authorization = request.headers.get("authorization", "")
    scheme, _, rest = authorization.partition(" ")
    key = rest.strip() if scheme.lower() == "bearer" else authorization
    return key or request.headers.get("x-management-key", "")
