"""Keys: where clients send them, and whether one of them is accepted.

Keys are kept as SHA-256 digests and compared in constant time. A key that stands where the app would not find it is
moved to where it does: to the first of its headers; a websocket's key to `Authorization`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from flowgate.request_filter.app_questions import ask
from flowgate.request_filter.dialects import Response, dialect, error_response

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.domain.request_rules import RequestRules

SUBPROTOCOL = b"openai-insecure-api-key."
AWS_CREDENTIAL = re.compile(rb"Credential=(?:Bearer\s+)?([^/\s,]+)")
SEND = {
    "openai": "`Authorization: Bearer KEY`",
    "anthropic": "`x-api-key: KEY` or `Authorization: Bearer KEY`",
    "google": "`x-goog-api-key: KEY` or `?key=KEY`",
}
FIX = "`flowgate key path` prints the file that contains the gateway's key"
PREFLIGHT = frozenset({b"origin", b"access-control-request-method"})
CHALLENGE = (b"www-authenticate", b"Bearer")


class Access:
    """The check of keys by one set of rules."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules
        self._digests: tuple[bytes, ...] | None = None
        self._headers = tuple(name.lower().encode() for name in rules.key_headers)

    def admit(self, scope: Scope) -> Scope | Response:
        """Return the scope with which the app is called, or the 401 that the client gets.

        Args:
            scope: An HTTP or websocket scope.
        """
        if not self._rules.key_source or self._rules.own_keys or self._is_open(scope):
            return scope
        if not self._accepted():
            return scope  # the app has no key that could be compared, so it decides
        sent = list(self._sent(scope))
        for place, key in sent:
            if self._matches(key):
                return self._readable(scope, place, key)
        problem = "the API key is not the gateway's key" if sent else "the request has no API key"
        message = f"{problem}; send {SEND[dialect(scope['path'], scope['headers'])]}; {FIX}"
        return error_response(scope["path"], scope["headers"], 401, "no_key", message, [CHALLENGE])

    def _is_open(self, scope: Scope) -> bool:
        path, method = scope["path"], scope.get("method", "")
        if path in self._rules.open_paths and method in ("GET", "HEAD"):
            return True
        if method == "OPTIONS" and {name for name, _ in scope["headers"]} >= PREFLIGHT:
            return True  # a browser asks whether it may send a request; it never sends a key with that
        return any(
            path == one or (one[-1:] == "*" and path.startswith(one[:-1])) for one in self._rules.unchecked_paths
        )

    def _accepted(self) -> tuple[bytes, ...]:
        if self._digests is None:
            keys: tuple[str, ...] = ask(self._rules.key_source)
            self._digests = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        return self._digests

    def _matches(self, key: bytes) -> bool:
        digest = hashlib.sha256(key).digest()
        matched = False
        for accepted in self._accepted():  # all of them: the time says nothing about which one matched
            matched |= hmac.compare_digest(digest, accepted)
        return matched

    def _sent(self, scope: Scope) -> Iterator[tuple[bytes, bytes]]:
        """Return the keys that a request carries, each with the header, or b"?" for the address."""
        for name, value in scope["headers"]:
            if name in self._headers:
                yield from ((name, key) for key in tokens(value))
            elif name == b"sec-websocket-protocol" and scope["type"] == "websocket":
                words = (word.strip() for word in value.split(b","))
                yield from ((name, word[len(SUBPROTOCOL) :]) for word in words if word.startswith(SUBPROTOCOL))
        query: bytes = scope.get("query_string", b"")
        if b"key=" in query:
            for value in parse_qs(query.decode("latin-1")).get("key", ()):
                yield b"?", value.encode("latin-1", "replace")

    def _readable(self, scope: Scope, place: bytes, key: bytes) -> Scope:
        """Return the scope with the key where the app looks for it first."""
        carrier = b"authorization" if scope["type"] == "websocket" else self._headers[0]
        order = (carrier,) if scope["type"] == "websocket" else self._headers
        first = next(((name, value) for one in order for name, value in scope["headers"] if name == one), None)
        if first is not None and first[0] == place and _reads(place, first[1], key, carrier):
            return scope
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name != carrier and not (name in self._headers and key in tokens(value))
        ]
        return {**scope, "headers": [*kept, (carrier, b"Bearer " + key)]}


def tokens(value: bytes) -> list[bytes]:
    """Return the keys that the value of a header may mean: with or without a scheme, Basic in both its forms.

    Args:
        value: The header's value.
    """
    value = value.strip()
    scheme, _, rest = value.partition(b" ")
    match scheme.lower():
        case b"bearer":
            return [rest.strip()] if rest.strip() else []
        case b"basic":
            return [rest.strip(), *_decoded(rest)]
        case b"aws4-hmac-sha256":
            return AWS_CREDENTIAL.findall(value)
    return [value] if value else []


def _decoded(text: bytes) -> list[bytes]:
    """Return the user and the password of HTTP's basic authentication."""
    try:
        return [part for part in base64.b64decode(text, validate=True).split(b":") if part]
    except (binascii.Error, ValueError):
        return []


def _reads(name: bytes, value: bytes, key: bytes, first: bytes) -> bool:
    """Return whether the app finds a key in the value of a header."""
    if name in (b"authorization", first):
        schemes = (b"Bearer " + key, b"bearer " + key, b"Basic " + key)
        return value in schemes or value.startswith(b"AWS4")
    return value == key
