"""The layer around the app: answers OPTIONS, counts the requests in progress, writes the access log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowgate.embedded_upstream.responses import CORS


class Middleware:
    """The layer around one app.

    Attributes:
        in_progress: Number of requests in progress.
    """

    def __init__(self, app: ASGIApp, log: Callable[[str], None]) -> None:
        self.app, self.log = app, log
        self.in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "*":  # as in Go's server, the app does not see it, and no log has it
            await Response(headers={"content-length": "0"})(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def relay(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.in_progress += 1
        try:
            app = Response(status_code=204, headers=CORS) if scope["method"] == "OPTIONS" else self.app
            await app(scope, receive, relay)
        finally:
            self.in_progress -= 1
            took = f"{(time.monotonic() - began) * 1000:.0f}ms"
            client = (scope.get("client") or ("-",))[0]
            line = f"{status} | {took:>13} | {client:>15} | {scope['method']:<7} {json.dumps(scope['path'])}"
            self.log(line)
