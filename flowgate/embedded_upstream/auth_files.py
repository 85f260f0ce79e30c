"""`/v0/management/auth-files`: list, upload, download, delete, switch.

Source: recorded answers of both generations
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream.responses import CORS, RELAYED, body_of, failed, reply
from flowgate.embedded_upstream.state import State

Handler = Callable[[Request], Awaitable[Response]]
Tree = dict[str, Any]
PRIVATE, OPEN = 0o600, 0o666


class BadName(Exception):
    """A name that is no file name of the auth folder."""


class AuthFiles:
    """The handlers for auth files."""

    def __init__(self, state: State) -> None:
        self.state = state

    def table(self) -> dict[str, dict[str, Handler]]:
        """Say which path and method lead where."""
        newer: dict[str, dict[str, Handler]] = {
            "auth-files/fields": {"PATCH": self._fields},
            "reset-quota": {"POST": self._reset},
        }
        return {
            "auth-files": {"GET": self._list, "POST": self._upload, "DELETE": self._delete},
            "auth-files/models": {"GET": self._models},
            "auth-files/download": {"GET": self._download},
            "auth-files/status": {"PATCH": self._status},
            **(newer if self.state.contract.newer else {}),
        }

    async def _list(self, request: Request) -> Response:
        accounts, lies = self.state.accounts, self.state.lies
        accounts.scan()
        entries = [] if "no-auth-files" in lies else accounts.entries()
        if "file-disabled" in lies:
            entries = [{**one, "disabled": True, "status": "disabled"} for one in entries]
        if "file-empty" in lies:
            entries = [{**one, "size": 0} for one in entries]
        wanted = request.query_params.get("name") if self.state.contract.newer else None
        return reply({"files": [one for one in entries if not wanted or one["name"] == wanted]})

    async def _models(self, request: Request) -> Response:
        name = request.query_params.get("name")
        if not name:
            return failed("name is required", 400)
        self.state.accounts.scan()
        account = self.state.accounts.by_name.get(name)
        shown = ("display_name", "id", "owned_by", "type")
        models = self.state.accounts.models(account) if account else []
        return reply({"models": [{key: one[key] for key in shown if one.get(key)} for one in models]})

    async def _download(self, request: Request) -> Response:
        try:
            path = self._path(request.query_params.get("name", ""))
        except BadName as wrong:
            return failed(str(wrong), 400)
        if not path.is_file():
            return failed("file not found", 404)
        name = {"content-disposition": f'attachment; filename="{path.name}"'}
        return Response(path.read_bytes(), headers={**CORS, "content-type": RELAYED, **name})

    # --- upload

    async def _upload(self, request: Request) -> Response:
        whole = "multipart/form-data" in request.headers.get("content-type", "")
        name, data = await self._attached(request) if whole else await self._raw(request)
        try:
            path = self._path(name)
        except BadName as wrong:
            return failed(str(wrong), 400)
        newer = self.state.contract.newer
        tree = _object(data)
        if tree is None and newer:
            return failed(f"invalid auth file: {_go_words(data)}", 500)
        _write(path, data, OPEN if whole and not newer else PRIVATE)
        if tree is None:
            return failed(f"invalid auth file: {_go_words(data)}", 500)  # the older line leaves it lying there
        self.state.accounts.register(name, tree)
        return reply({"status": "ok"})

    async def _raw(self, request: Request) -> tuple[str, bytes]:
        return request.query_params.get("name", ""), await request.body()

    async def _attached(self, request: Request) -> tuple[str, bytes]:
        async with request.form() as form:
            for field, value in form.multi_items():
                if not isinstance(value, str) and (field == "file" or self.state.contract.newer):
                    return value.filename or "", await value.read()
        return "", b""

    def _path(self, name: str) -> Path:
        """Find a file of the folder.

        Raises:
            BadName: See the message.
        """
        name = name.strip()
        if not name or "/" in name or "\\" in name or os.sep in name or ".." in Path(name).parts:
            raise BadName("invalid name")
        if not name.lower().endswith(".json"):
            raise BadName("name must end with .json")
        return self.state.accounts.folder / name

    # --- change and delete

    async def _status(self, request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return failed("invalid request body", 400)
        name, disabled = body.get("name"), body.get("disabled")
        if not name:
            return failed("name is required", 400)
        if not isinstance(disabled, bool):
            return failed("disabled is required", 400)
        self.state.accounts.scan()
        if name not in self.state.accounts.by_name:
            return failed("auth file not found", 404)
        self.state.accounts.update(name, {"disabled": disabled})
        return reply({"disabled": disabled, "status": "ok"})

    async def _fields(self, request: Request) -> Response:
        body = await body_of(request) or {}
        name = body.pop("name", None)
        self.state.accounts.scan()
        if name not in self.state.accounts.by_name:
            return failed("auth file not found" if name else "name is required", 404 if name else 400)
        self.state.accounts.update(name, body)
        return reply({"status": "ok"})

    async def _reset(self, request: Request) -> Response:
        """End every bench of one account."""
        index = (await body_of(request) or {}).get("auth_index")
        if not index:
            return failed("auth_index is required", 400)
        accounts = self.state.accounts
        accounts.scan()
        account = next((one for one in accounts.by_name.values() if one.index == index), None)
        if account is None:
            return failed("auth not found", 404)
        return reply({"auth_index": index, "models": accounts.free(account), "status": "ok"})

    async def _delete(self, request: Request) -> Response:
        accounts = self.state.accounts
        if request.query_params.get("all", "").lower() in ("true", "1", "*"):
            doomed = [one for one in accounts.folder.iterdir() if one.name.lower().endswith(".json")]
            for path in doomed:
                path.unlink()
            accounts.scan()
            return reply({"deleted": len(doomed), "status": "ok"})
        try:
            path = self._path(request.query_params.get("name", ""))
        except BadName:
            return failed("invalid name", 400)
        if not path.is_file():
            return failed("auth file not found" if self.state.contract.newer else "file not found", 404)
        path.unlink()
        accounts.scan()
        return reply({"status": "ok"})


def _object(data: bytes) -> Tree | None:
    try:
        tree = json.loads(data)
    except ValueError:
        return None
    return tree if isinstance(tree, dict) else None


def _go_words(data: bytes) -> str:
    """Say what is wrong with JSON, for its first few characters as the real program's parser does."""
    text = data.decode(errors="replace").strip()
    if not text:
        return "unexpected end of JSON input"
    if text[0] == "{" and len(text) > 1:
        return f"invalid character '{text[1:].lstrip()[:1]}' looking for beginning of object key string"
    return f"invalid character '{text[0]}' looking for beginning of value"


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file; its mode counts only where it is new."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
