"""Keys: whether one of those that a request carries is accepted, and what the client may do with it.

Keys are kept as SHA-256 digests and compared in constant time. A key that stands where the app would not find it is
moved to where it does: to the first of its headers; a websocket's key to `Authorization`. The key of a client is known
here alone: the app sees its own key in its place.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from flowgate.request_filter.app_questions import ask
from flowgate.request_filter.clients import Client, Clients
from flowgate.request_filter.dialects import Kind, Response, dialect, error_response
from flowgate.request_filter.key_places import readable, replaced, sent_keys
from flowgate.request_filter.path_lists import Paths
from flowgate.request_filter.quotas import Quotas

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.domain.request_rules import RequestRules

SEND = {
    "openai": "`Authorization: Bearer KEY`",
    "anthropic": "`x-api-key: KEY` or `Authorization: Bearer KEY`",
    "google": "`x-goog-api-key: KEY` or `?key=KEY`",
}
FIX = (
    "`flowgate client add NAME` makes a key for a client, "
    "and `flowgate key path` prints the file that contains the gateway's own"
)
PREFLIGHT = frozenset({b"origin", b"access-control-request-method"})
MOST_KEYS = 16  # of one request; each costs a comparison
CHALLENGE = (b"www-authenticate", b"Bearer")


class Admission(NamedTuple):
    """The outcome of the check of a request's key.

    Attributes:
        scope: The scope with which the app is called.
        client: The client whose key it is; None for the gateway's own key, and where no key is needed.
        response: What the client gets instead; None if the request is admitted.
    """

    scope: Scope
    client: Client | None = None
    response: Response | None = None


class Access:
    """The check of keys by one set of rules.

    Args:
        rules: The rules.
        clients: The clients whose keys are accepted.
        quotas: What the clients have asked; an admitted request of a client is counted until `Quotas.leave`.
    """

    def __init__(self, rules: RequestRules, clients: Clients, quotas: Quotas) -> None:
        self._rules, self._clients, self._quotas = rules, clients, quotas
        self._digests: tuple[bytes, ...] = ()
        self._app_key = b""
        self._headers = tuple(name.lower().encode() for name in rules.key_headers)
        self._unchecked, self._for_clients = Paths(rules.unchecked_paths), Paths(rules.client_paths)

    def admit(self, scope: Scope) -> Admission:
        """Decide on a request by its key.

        Args:
            scope: An HTTP or websocket scope.
        """
        if not self._rules.key_source:
            return Admission(scope)
        sent = list(islice(sent_keys(scope, self._headers), MOST_KEYS))
        decides_itself = bool(self._rules.own_keys) or self._is_free(scope)
        if not sent and decides_itself:
            return Admission(scope)
        accepted = self._accepted()
        for place, key in sent:
            digest = hashlib.sha256(key).digest()
            if _matches(digest, accepted):
                plain = self._without_clients(scope, key, sent)
                return Admission(plain if decides_itself else readable(plain, self._headers, place, key))
            if client := self._clients.find(digest):
                return self._admit_client(self._without_clients(scope, key, sent), key, client)
        if decides_itself or not accepted:
            return Admission(scope)  # the app knows further keys, or has none that could be compared
        return Admission(scope, None, self._unknown_key(scope, bool(sent)))

    def _without_clients(self, scope: Scope, key: bytes, sent: Sequence[tuple[bytes, bytes]]) -> Scope:
        """Return the scope without further keys of clients, beside the one that counts."""
        for other in {one for _, one in sent if one != key}:
            if self._clients.find(hashlib.sha256(other).digest()):
                scope = replaced(scope, self._headers, other, b"")
        return scope

    def _admit_client(self, scope: Scope, key: bytes, client: Client) -> Admission:
        """Decide on a request with the key of a client."""
        if self._is_free(scope):  # what the app does there with a key is not known: it may hand it on
            return Admission(replaced(scope, self._headers, key, b""))
        name = client.name
        if client.has_expired():
            fix = f"`flowgate client rotate {name} --expires 30d` makes a new key"
            message = f"the API key of the client '{name}' has expired; {fix}"
            return Admission(scope, client, self._refuse(scope, 401, "expired_key", message, CHALLENGE))
        if scope["path"] not in self._for_clients:
            message = f"the API key of the client '{name}' is for asking models only; {scope['path'][:100]} needs"
            message += " the gateway's own key (`flowgate key path` prints the file that contains it)"
            return Admission(scope, client, self._refuse(scope, 403, "forbidden", message))
        refused = self._over_quota(scope, client)
        return Admission(replaced(scope, self._headers, key, self._app_key), client, refused)

    def _over_quota(self, scope: Scope, client: Client) -> Response | None:
        """Count a client's request, or return the 429 that it gets."""
        limits = client.key.limits
        exceeded = self._quotas.enter(client.name, limits)
        if exceeded is None:
            return None
        kind, wait = exceeded
        most = limits.requests_per_minute if kind == "too_many" else limits.max_parallel
        what = "requests a minute" if kind == "too_many" else "requests at once"
        message = f"the client '{client.name}' may send {most} {what}; try again in {wait} s"
        return self._refuse(scope, 429, kind, message, (b"retry-after", str(wait).encode()))

    def _unknown_key(self, scope: Scope, has_key: bool) -> Response:
        problem = "the API key is neither the gateway's nor a client's" if has_key else "the request has no API key"
        message = f"{problem}; send {SEND[dialect(scope['path'], scope['headers'])]}; {FIX}"
        return self._refuse(scope, 401, "wrong_key" if has_key else "no_key", message, CHALLENGE)

    def _refuse(self, scope: Scope, status: int, kind: Kind, message: str, *headers: tuple[bytes, bytes]) -> Response:
        return error_response(scope["path"], scope["headers"], status, kind, message, headers)

    def _is_free(self, scope: Scope) -> bool:
        """Return whether a request needs no key, or the app alone checks it."""
        path, method = scope["path"], scope.get("method", "")
        if path in self._rules.open_paths and method in ("GET", "HEAD"):
            return True
        if method == "OPTIONS" and {name for name, _ in scope["headers"]} >= PREFLIGHT:
            return True  # a browser asks whether it may send a request; it never sends a key with that
        return path in self._unchecked

    def _accepted(self) -> tuple[bytes, ...]:
        if not self._digests:
            keys: tuple[str, ...] = ask(self._rules.key_source)
            self._app_key = keys[0].encode() if keys else b""
            self._digests = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        return self._digests


def _matches(digest: bytes, accepted: tuple[bytes, ...]) -> bool:
    matched = False
    for one in accepted:  # all of them: the time says nothing about which one matched
        matched |= hmac.compare_digest(digest, one)
    return matched
