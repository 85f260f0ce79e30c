"""The layer around the app: answers OPTIONS, counts what is under way, writes the access log, lies if told to."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.responses import Response

from flowgate.embedded_upstream.app import Upstream
from flowgate.embedded_upstream.lies import Liar, Receive, Scope, Send
from flowgate.embedded_upstream.responses import CORS


class Front:
    """The layer, around one app. under_way: how many requests are being answered"""

    def __init__(self, upstream: Upstream, now: Callable[[], float]) -> None:
        self.upstream, self.now = upstream, now
        self.app = Liar(upstream.app, upstream.state)
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        began, seen = self.now(), [0]

        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen[0] = message["status"]
            await send(message)

        self.under_way += 1
        try:
            if scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=CORS)(scope, receive, relay)
            else:
                await self.app(scope, receive, relay)
        finally:
            self.under_way -= 1
            took = f"{(self.now() - began) * 1000:.0f}ms"
            client = (scope.get("client") or ("-",))[0]
            line = f"{seen[0]} | {took:>13} | {client:>15} | {scope['method']:<7} {json.dumps(scope['path'])}"
            self.upstream.state.log(line)
