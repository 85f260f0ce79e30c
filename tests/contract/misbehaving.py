"""The embedded upstream with responses that must not be trusted, as a program: `python misbehaving.py -config FILE`.

`PUT /misbehave {"modes": ["never-ok", …]}` sets how it misbehaves from then on.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowgate.embedded_upstream import credentials
from flowgate.embedded_upstream.__main__ import create_app, main
from flowgate.embedded_upstream.accounts import Accounts
from flowgate.embedded_upstream.faulty_vendors import FaultyVendors
from flowgate.embedded_upstream.json_data import JsonObject
from flowgate.embedded_upstream.state import State

STATUS, FILES, MODELS = "/v0/management/get-auth-status", "/v0/management/auth-files", "/v1/models"
# Changes of JSON responses: mode, path, and what to do with the response.
CHANGES: dict[tuple[str, str], Callable[[Any], object]] = {
    ("unknown-state-ok", STATUS): lambda body: {"status": "ok"} if "unknown" in body.get("error", "") else body,
    ("status-always-ok", STATUS): lambda body: {"status": "ok"},
    ("never-ok", STATUS): lambda body: {"status": "wait"},
    ("file-disabled", FILES): lambda body: _each_file(body, disabled=True, status="disabled"),
    ("file-empty", FILES): lambda body: _each_file(body, size=0),
    ("no-auth-files", FILES): lambda body: {"files": []},
    ("no-models", MODELS): lambda body: {**body, "data": []},
}
HEADERS = ("any-management-key", "no-version-header", "other-version")
LOGINS = ("ok-without-file", "wrong-provider", "file-expired")
WHOLE = ("html-everywhere", "stranger", "truncated", "slow")
MODES = {*(mode for mode, _ in CHANGES), *HEADERS, *LOGINS, *WHOLE}
SLOW_SECONDS = 1.0


def _each_file(body: Any, **values: object) -> object:
    return {"files": [{**one, **values} for one in body["files"]]}


class MisbehavingAccounts(Accounts):
    """Accounts whose logins write no file or a wrong one."""

    modes: frozenset[str] = frozenset()

    def add(self, name: str, content: JsonObject) -> None:
        """Write the file of a finished login."""
        if self.modes & {"ok-without-file", "never-ok"}:
            return
        if "wrong-provider" in self.modes:
            other = "anthropic" if content["type"] == "codex" else "codex"
            name, content = credentials.build(other, str(content["email"]), self.contract)
        if "file-expired" in self.modes:
            content = {**content, "expired": "2020-01-01T00:00:00Z"}
        super().add(name, content)


class Misbehaving:
    """The layer around the app that changes requests and responses."""

    def __init__(self, state: State, vendors: FaultyVendors | None) -> None:
        self.accounts = MisbehavingAccounts(state.accounts.folder, state.contract, state.log)
        state.accounts, state.password = self.accounts, secrets.token_hex(8)
        self.app, self.state = create_app(state, vendors), state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        modes = self.accounts.modes
        if scope["path"] == "/misbehave":
            self.accounts.modes = frozenset((await Request(scope, receive).json())["modes"])
            unknown = sorted(self.accounts.modes - MODES)
            await JSONResponse({"unknown": unknown}, 400 if unknown else 200)(scope, receive, send)
        elif scope["path"].startswith("/embedded/"):
            await self.app(scope, receive, send)
        else:
            await asyncio.sleep(SLOW_SECONDS if "slow" in modes else 0)
            await self._app(modes)(scope, receive, _Changed(send, scope["path"], modes, self.state))

    def _app(self, modes: frozenset[str]) -> ASGIApp:
        if "html-everywhere" in modes:
            return HTMLResponse("<html><title>Welcome</title>It works!</html>")
        if "stranger" in modes:
            return JSONResponse({"service": "something else"})
        return self._with_key if "any-management-key" in modes else self.app

    async def _with_key(self, scope: Scope, receive: Receive, send: Send) -> None:
        others = [one for one in scope["headers"] if one[0] != b"authorization"]
        key = (b"authorization", f"Bearer {self.state.password}".encode())
        await self.app({**scope, "headers": [*others, key]}, receive, send)


class _Changed:
    """Collects a response, and sends it changed."""

    def __init__(self, send: Send, path: str, modes: frozenset[str], state: State) -> None:
        self.send, self.path, self.modes, self.state = send, path, modes, state
        self.start: Message = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
            return
        self.body += message.get("body", b"")
        if not message.get("more_body"):
            response = Response(self._body(), self.start["status"], dict(self._headers()))
            await self.send({**self.start, "headers": response.raw_headers})
            await self.send({"type": "http.response.body", "body": response.body})

    def _body(self) -> bytes:
        body = self.body
        for mode in self.modes if self.start["status"] == 200 else ():
            if change := CHANGES.get((mode, self.path)):
                body = json.dumps(change(json.loads(body))).encode()
        return body[: len(body) // 2] if "truncated" in self.modes else body

    def _headers(self) -> list[tuple[str, str]]:
        headers = {name.decode(): value.decode() for name, value in self.start["headers"]}
        headers.pop("content-length", None)
        if "no-version-header" in self.modes:
            headers.pop("x-cpa-version", None)
        if "other-version" in self.modes:
            headers["x-cpa-version"] = "6.8.16-0-plus" if self.state.contract.newer else "7.2.101-1"
        return list(headers.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Misbehaving))
