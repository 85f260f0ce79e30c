"""The check of the clients' keys."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream.responses import failed, reply
from flowgate.embedded_upstream.state import State

SAFE_MODE = {"x-cpa-safe-mode": "example-api-key"}
SAFE_MODE_MESSAGE = (
    "Proxy API endpoints are disabled because api-keys contains template values. Open "
    "/management.html?safe-mode=configure, update api-keys in Management, then retry."
)


def refuse(state: State, request: Request) -> Response | None:
    """Check the key of a request.

    Args:
        state: The shared state.
        request: The client's request.

    Returns:
        The response that refuses it; None if the key is valid, or if no key is configured.
    """
    if state.safe_mode:
        return reply({"error": "unsafe_example_api_key", "message": SAFE_MODE_MESSAGE}, 403, headers=SAFE_MODE)
    if not state.settings.api_keys:
        return None
    keys = client_keys(request)
    if not keys:
        return failed("Missing API key", 401)
    return None if set(keys) & set(state.settings.api_keys) else failed("Invalid API key", 401)


def client_keys(request: Request) -> list[str]:
    """Return the keys of a request, in all accepted headers and query parameters."""
    authorization = request.headers.get("authorization", "")
    scheme, _, bearer = authorization.partition(" ")
    found = [bearer.strip() if scheme.lower() == "bearer" else authorization]
    found += [request.headers.get(name, "") for name in ("x-goog-api-key", "x-api-key")]
    found += [request.query_params.get(name, "") for name in ("key", "auth_token")]
    return [key for key in found if key]
