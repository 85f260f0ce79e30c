"""Ways to lie, for tests of whoever believes this program: `--lie MODE[,MODE…]`, `--lie list`.

`PUT /embedded/lies {"lies": "MODE,…"}` changes them while it runs. Some stand in a handler of their own (they look at
`State.lies`); those that change any answer stand here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse

from flowgate.embedded_upstream.state import State

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SLOW_SECONDS = 10.0
OWN = "/embedded/"  # what this program alone has is never lied about
LIES = {
    "unknown-state-ok": "get-auth-status says ok for a state nobody began (the 7.2 contract; 6.8 does so by itself)",
    "status-always-ok": "get-auth-status says ok whatever is asked",
    "ok-without-file": "a login ends ok and no file is written",
    "never-ok": "a login that was approved waits for ever",
    "wrong-provider": "a login ends ok with another provider's file",
    "file-disabled": "auth-files lists every file as disabled",
    "file-empty": "auth-files lists every file with no content",
    "file-expired": "a login writes tokens that are over already",
    "no-auth-files": "auth-files lists nothing",
    "no-models": "no model is listed",
    "no-version-header": "no X-CPA-VERSION, so that the generation cannot be told",
    "other-version": "X-CPA-VERSION names the other generation",
    "any-management-key": "management lets everybody in, with any key or none",
    "html-everywhere": "every answer is 200 with a page",
    "truncated": "every answer is cut in half",
    "stranger": "another program answers on the port",
    "busy-exit-0": "says that it started, and ends with 0 without listening",
    "slow": f"every answer takes {SLOW_SECONDS:.0f} s; slow=SECONDS for another time",
    "empty-answers": "a question is answered with nothing",
}


class UnknownLie(Exception):
    """A mode that is not in the list."""


def read(text: str) -> frozenset[str]:
    """Read modes, separated by commas.

    Raises:
        UnknownLie: See the message.
    """
    modes = frozenset(mode.strip() for mode in text.split(",") if mode.strip())
    for mode in modes:
        if mode.partition("=")[0] not in LIES:
            raise UnknownLie(f"no lie is called '{mode}'; --lie list names them")
    try:
        slowness(modes)
    except ValueError:
        raise UnknownLie("slow=SECONDS takes a number") from None
    return modes


def slowness(lies: frozenset[str]) -> float:
    """Say how many seconds an answer is to take."""
    told = [mode for mode in lies if mode.partition("=")[0] == "slow"]
    return float(told[0].partition("=")[2] or SLOW_SECONDS) if told else 0.0


class Liar:
    """The layer that changes any answer."""

    def __init__(self, app: App, state: State) -> None:
        self.app, self.state, self.contract = app, state, state.contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lies = self.state.lies
        if not lies or scope["path"].startswith(OWN):
            return await self.app(scope, receive, send)
        if slow := slowness(lies):
            await asyncio.sleep(slow)
        if "html-everywhere" in lies:
            return await HTMLResponse("<html><title>Welcome</title>It works!</html>")(scope, receive, send)
        if "stranger" in lies:
            return await JSONResponse({"service": "something else"})(scope, receive, send)
        return await self.app(scope, receive, self._changed(send))

    def _changed(self, send: Send) -> Send:
        async def relay(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._headers(message["headers"])}
            elif "truncated" in self.state.lies and message.get("body"):
                message = {**message, "body": message["body"][: len(message["body"]) // 2]}
            await send(message)

        return relay

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        if "no-version-header" in self.state.lies:
            headers = [one for one in headers if one[0] != b"x-cpa-version"]
        if "other-version" in self.state.lies:
            other = b"6.8.16-0-plus" if self.contract.newer else b"7.2.101-1"
            headers = [(name, other if name == b"x-cpa-version" else value) for name, value in headers]
        if "truncated" in self.state.lies:
            headers = [one for one in headers if one[0] != b"content-length"]
        return headers
