"""Answers written as the real program writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flowgate.embedded_upstream.versions import Contract

JSON = "application/json; charset=utf-8"
RELAYED = "application/json"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": "*",
}
LONE = re.compile("[\ud800-\udfff]")  # half a surrogate pair: JSON can name it, UTF-8 cannot hold it
KINDS = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "insufficient_quota"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
SUCCESS_PAGE = (
    "<!DOCTYPE html><html><head><title>Authentication successful</title></head>"
    "<body><h1>Authentication successful!</h1><p>You can close this window.</p></body></html>"
)

Tree = dict[str, Any]


def reply(tree: object, status: int = 200, media_type: str = JSON, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON, written as the real program writes it."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    for sign in "&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    text = LONE.sub("\ufffd", text)
    return Response(text, status, headers={**CORS, "content-type": media_type, **(headers or {})})


def failed(text: str, status: int) -> Response:
    """Answer `{"error": …}`."""
    return reply({"error": text}, status)


def error_body(text: str, status: int) -> Tree:
    """Write the error of a generation endpoint, in OpenAI's shape."""
    kind, code = KINDS.get(status, ("server_error", "internal_server_error"))
    if status not in KINDS and status < 500:
        return {"error": {"message": text, "type": "invalid_request_error"}}
    return {"error": {"message": text, "type": kind, "code": code}}


def shaped(body: Tree, status: int, path: str, contract: Contract) -> Tree:
    """Turn an error into the shape of the endpoint that was asked: the newer line answers Anthropic's in theirs."""
    if not contract.newer or not path.startswith("/v1/messages"):
        return body
    error = body.get("error")
    message = error.get("message", "") if isinstance(error, dict) else str(error)
    return {"type": "error", "error": {"type": ANTHROPIC_KINDS.get(status, "api_error"), "message": message}}


def not_found(contract: Contract) -> Response:
    """Answer an ordinary 404."""
    plain = {} if contract.newer else {"content-type": "text/plain"}
    return Response(contract.not_found, 404, headers={**CORS, **plain})


def page(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a page."""
    return HTMLResponse(text, status, headers={**CORS, **(headers or {})})


async def body_of(request: Request) -> Tree | None:
    """Read a JSON object; None for anything else."""
    try:
        tree = json.loads(await request.body())
    except (ValueError, RecursionError):  # the latter: nested too deep
        return None
    return tree if isinstance(tree, dict) else None


async def left(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """Wait until the client leaves; its question has been read whole."""
    while (await receive())["type"] != "http.disconnect":
        pass
