"""Error responses in the shape that a client understands: OpenAI's, Anthropic's or Google's.

Source: the error objects of the three vendors' APIs. The SDKs choose their exception by the status and read the
message, the type and the code from these places.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Headers = Sequence[tuple[bytes, bytes]]  # of ASGI: lower-case names
Dialect = Literal["openai", "anthropic", "google"]
Kind = Literal[
    "no_key",
    "wrong_key",
    "expired_key",
    "forbidden",
    "forbidden_model",
    "not_found",
    "unknown_model",
    "bad_request",
    "too_large",
    "too_slow",
    "too_many",
    "too_many_parallel",
    "budget",
    "unavailable",
    "overloaded",
]

_OPENAI_PATHS = (
    "/chat/completions",
    "/completions",
    "/responses",
    "/embeddings",
    "/moderations",
    "/rerank",
    "/realtime",
)
_GOOGLE_METHODS = (":generatecontent", ":streamgeneratecontent", ":counttokens", ":embedcontent", ":batchembedcontents")


class _Words(NamedTuple):
    """One kind of error in each dialect."""

    openai_type: str
    openai_code: str | None
    anthropic_type: str
    google_status: str


_NO_KEY = _Words("invalid_request_error", "invalid_api_key", "authentication_error", "UNAUTHENTICATED")
_FORBIDDEN = _Words("permission_error", "forbidden", "permission_error", "PERMISSION_DENIED")
_TOO_MANY = _Words("rate_limit_error", "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")
_WORDS: dict[Kind, _Words] = {
    "no_key": _NO_KEY,
    "wrong_key": _NO_KEY,
    "expired_key": _NO_KEY,
    "forbidden": _FORBIDDEN,
    "forbidden_model": _FORBIDDEN,
    "not_found": _Words("invalid_request_error", "not_found", "not_found_error", "NOT_FOUND"),
    "unknown_model": _Words("invalid_request_error", "model_not_found", "not_found_error", "NOT_FOUND"),
    "bad_request": _Words("invalid_request_error", None, "invalid_request_error", "INVALID_ARGUMENT"),
    "too_large": _Words("invalid_request_error", "request_too_large", "request_too_large", "INVALID_ARGUMENT"),
    "too_slow": _Words("invalid_request_error", "request_timeout", "invalid_request_error", "DEADLINE_EXCEEDED"),
    "too_many": _TOO_MANY,
    "too_many_parallel": _TOO_MANY,
    "budget": _Words("insufficient_quota", "insufficient_quota", "rate_limit_error", "RESOURCE_EXHAUSTED"),
    "unavailable": _Words("server_error", "service_unavailable", "api_error", "UNAVAILABLE"),
    "overloaded": _Words("server_error", "overloaded", "overloaded_error", "UNAVAILABLE"),
}


class Response(NamedTuple):
    """A response that the filter sends itself.

    Attributes:
        status: HTTP status.
        headers: ASGI headers.
        body: The whole body.
        reason: Why the request is refused; without the fix.
        kind: What the error is.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    reason: str = ""
    kind: Kind = "bad_request"


def dialect(path: str, headers: Headers = ()) -> Dialect:
    """Return the API that a client speaks; the path decides, and the headers where several APIs share a path.

    Args:
        path: Path of the request.
        headers: Request headers as ASGI has them.
    """
    path = path.lower().rstrip("/")
    if "/messages" in path and "/threads/" not in path:
        return "anthropic"
    if path.endswith(_GOOGLE_METHODS) or path.startswith("/v1beta"):
        return "google"
    if path.endswith(_OPENAI_PATHS):
        return "openai"
    names = {name for name, _ in headers}
    if b"anthropic-version" in names or b"anthropic-beta" in names:
        return "anthropic"
    return "google" if b"x-goog-api-key" in names or b"x-goog-api-client" in names else "openai"


def error_response(
    path: str,
    headers: Headers,
    status: int,
    kind: Kind,
    message: str,
    extra_headers: Iterable[tuple[bytes, bytes]] = (),
) -> Response:
    """Make an error response in the client's dialect.

    Args:
        path: Path of the request.
        headers: Request headers as ASGI has them.
        status: HTTP status.
        kind: What the error is.
        message: One sentence for people: what is wrong, and the fix.
        extra_headers: Further response headers.
    """
    words = _WORDS[kind]
    tree: dict[str, object]
    match dialect(path, headers):
        case "anthropic":
            tree = {"type": "error", "error": {"type": words.anthropic_type, "message": message}}
        case "google":
            tree = {"error": {"code": status, "message": message, "status": words.google_status}}
        case _:
            param = "model" if kind in ("unknown_model", "forbidden_model") else None
            code = words.openai_code
            tree = {"error": {"message": message, "type": words.openai_type, "param": param, "code": code}}
    body = json.dumps(tree).encode()
    length = (b"content-length", str(len(body)).encode())
    sent = [(b"content-type", b"application/json"), length, *extra_headers]
    return Response(status, sent, body, message.partition("; ")[0], kind)
