"""Responses in the format of the real program."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive

from flowgate.embedded_upstream.json_data import Json, JsonObject, parse_object
from flowgate.embedded_upstream.versions import Contract

Handler = Callable[[Request], Awaitable[Response]]
Routes = dict[str, dict[str, Handler]]  # handlers by path and method

PLAIN_JSON = "application/json; charset=utf-8"
RELAYED = "application/json"  # content type of what comes from a vendor
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": "*",
}
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can escape one, UTF-8 cannot encode it
ERROR_TYPES = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "insufficient_quota"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}
ANTHROPIC_ERROR_TYPES = {
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


def reply(
    body: object, status: int = 200, media_type: str = PLAIN_JSON, headers: dict[str, str] | None = None
) -> Response:
    """Build a JSON response, escaped as Go's encoder does."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    for sign in "&<>":
        content = content.replace(sign, f"\\u{ord(sign):04x}")
    content = LONE_SURROGATE.sub("\ufffd", content)
    return Response(content, status, headers={**CORS, "content-type": media_type, **(headers or {})})


def failed(error: str, status: int) -> Response:
    """Build the response `{"error": …}`."""
    return reply({"error": error}, status)


def error_body(message: str, status: int) -> JsonObject:
    """Build the error of a model endpoint in OpenAI's format."""
    if status not in ERROR_TYPES and status < 500:
        return {"error": {"message": message, "type": "invalid_request_error"}}
    kind, code = ERROR_TYPES.get(status, ("server_error", "internal_server_error"))
    return {"error": {"message": message, "type": kind, "code": code}}


def anthropic_error(message: Json, status: int) -> JsonObject:
    """Build the error of a model endpoint in Anthropic's format."""
    return {"type": "error", "error": {"type": ANTHROPIC_ERROR_TYPES.get(status, "api_error"), "message": message}}


def in_dialect(body: JsonObject, status: int, path: str, contract: Contract) -> JsonObject:
    """Convert an error for the endpoint: the newer line answers Anthropic's endpoints in Anthropic's format.

    Args:
        body: The error in OpenAI's format.
        status: The response's status.
        path: The requested path.
        contract: The line to imitate.
    """
    if not contract.newer or not path.startswith("/v1/messages"):
        return body
    error = body.get("error")
    return anthropic_error(error.get("message", "") if isinstance(error, dict) else str(error), status)


def not_found(contract: Contract) -> Response:
    """Build an ordinary 404 response."""
    plain = {} if contract.newer else {"content-type": "text/plain"}
    return Response(contract.not_found, 404, headers={**CORS, **plain})


def page(content: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Build an HTML response."""
    return HTMLResponse(content, status, headers={**CORS, **(headers or {})})


def unreachable(proxy_url: str, host: str) -> str:
    """Describe a failed connection to a vendor as Go does; this program never connects to one.

    Args:
        proxy_url: The configured proxy; empty for none.
        host: The vendor's host.
    """
    if proxy := urlsplit(proxy_url).netloc:
        return f"proxyconnect tcp: dial tcp {proxy}: connect: connection refused"
    return f"dial tcp: lookup {host}: no such host"


async def body_of(request: Request) -> JsonObject | None:
    """Read a JSON object from a request; None if the body is anything else."""
    return parse_object(await request.body())


async def disconnected(receive: Receive) -> None:
    """Wait until the client disconnects; the request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
