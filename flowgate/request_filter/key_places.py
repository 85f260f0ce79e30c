"""Where a request carries its key, and how it gets another one: in headers, the address, a websocket's subprotocol."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlencode

if TYPE_CHECKING:
    from starlette.types import Scope

SUBPROTOCOL = b"openai-insecure-api-key."
AWS_CREDENTIAL = re.compile(rb"Credential=(?:Bearer\s+)?([^/\s,]+)")
ADDRESS = b"?"


def sent_keys(scope: Scope, names: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Return the keys that a request carries, each with the header, or `ADDRESS`.

    Args:
        scope: An HTTP or websocket scope.
        names: The headers in which the app looks for a key.
    """
    for name, value in scope["headers"]:
        if name in names:
            yield from ((name, key) for key in tokens(value))
        elif name == b"sec-websocket-protocol" and scope["type"] == "websocket":
            yield from ((name, word[len(SUBPROTOCOL) :]) for word in _words(value) if word.startswith(SUBPROTOCOL))
    query: bytes = scope.get("query_string", b"")
    if b"key=" in query:
        for value in parse_qs(query.decode("latin-1")).get("key", ()):
            yield ADDRESS, value.encode("latin-1", "replace")


def readable(scope: Scope, names: Sequence[bytes], place: bytes, key: bytes) -> Scope:
    """Return the scope with its key where the app looks for it first.

    Args:
        scope: An HTTP or websocket scope.
        names: The headers in which the app looks for a key, in its order.
        place: Where the key is.
        key: The key.
    """
    carrier = b"authorization" if scope["type"] == "websocket" else names[0]
    order = (carrier,) if scope["type"] == "websocket" else names
    first = next(((name, value) for one in order for name, value in scope["headers"] if name == one), None)
    if first is not None and first[0] == place and _reads(place, first[1], key, carrier):
        return scope
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name != carrier and not (name in names and key in tokens(value))
    ]
    return {**scope, "headers": [*kept, (carrier, b"Bearer " + key)]}


def replaced(scope: Scope, names: Sequence[bytes], key: bytes, other: bytes) -> Scope:
    """Return the scope with another key, and without the one that the client sent, wherever it stands.

    Args:
        scope: An HTTP or websocket scope.
        names: The headers in which the app looks for a key, in its order.
        key: The client's key.
        other: The key that the app accepts; empty for none.
    """
    carrier = b"authorization" if scope["type"] == "websocket" else names[0]
    hides = scope["type"] == "websocket"
    headers = [
        (name, value)
        for name, value in (_unnamed(scope["headers"], key) if hides else scope["headers"])
        if key not in value and not (name == carrier and other) and (name not in names or key not in tokens(value))
    ]
    changed: dict[str, object] = {"headers": [*headers, (carrier, b"Bearer " + other)] if other else headers}
    query: bytes = scope.get("query_string", b"")
    if b"key=" in query:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        left = [(name, value) for name, value in pairs if value.encode("latin-1", "replace") != key]
        changed["query_string"] = urlencode(left, encoding="latin-1").encode() if len(left) < len(pairs) else query
    if hides:
        words = scope.get("subprotocols", ())
        changed["subprotocols"] = [one for one in words if one.encode("latin-1", "replace") != SUBPROTOCOL + key]
    return {**scope, **changed}


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


def _words(value: bytes) -> list[bytes]:
    return [word.strip() for word in value.split(b",")]


def _unnamed(headers: Iterable[tuple[bytes, bytes]], key: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return the headers of a websocket without the subprotocol that contains its key."""
    for name, value in headers:
        if name != b"sec-websocket-protocol":
            yield name, value
        elif left := [word for word in _words(value) if word != SUBPROTOCOL + key]:
            yield name, b", ".join(left)


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
