"""CORS headers of the filter's own responses: the app's, so that a page can read why its request was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from flowgate.request_filter.dialects import Response

MIDDLEWARE = "CORSMiddleware"


async def send_response(send: Send, response: Response) -> None:
    """Send a whole response.

    Args:
        send: The request's `send`.
        response: The response.
    """
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})


async def send_as_app(app: ASGIApp, scope: Scope, send: Send, response: Response) -> None:
    """Send a response with the CORS headers that the app would add to it.

    Args:
        app: The app; if it is Starlette's, its CORS middleware is found among its settings.
        scope: The request.
        send: The request's `send`.
        response: The response.
    """

    async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send_response(send, response)

    if any(name == b"origin" for name, _ in scope.get("headers", ())):
        for one in getattr(app, "user_middleware", ()):
            if getattr(one.cls, "__name__", "") == MIDDLEWARE:
                await one.cls(respond, *one.args, **one.kwargs)(scope, _nothing, send)
                return
    await send_response(send, response)


async def refuse_websocket(scope: Scope, send: Send, response: Response) -> None:
    """Refuse a websocket before it is accepted, with a response where the server can send one.

    Args:
        scope: The websocket's scope.
        send: Its `send`.
        response: The response.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        return await send({"type": "websocket.close", "code": 1008})
    start = {"type": "websocket.http.response.start", "status": response.status, "headers": response.headers}
    await send(start)
    return await send({"type": "websocket.http.response.body", "body": response.body})


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}
