"""`/v0/management/auth-files`: list, upload, download, delete, enable and disable.

Source: recorded responses of both lines
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import regular_files
from flowgate.embedded_upstream.auth_entries import entries
from flowgate.embedded_upstream.go_format import json_error
from flowgate.embedded_upstream.json_data import parse_object
from flowgate.embedded_upstream.responses import CORS, RELAYED, Routes, body_of, failed, reply
from flowgate.embedded_upstream.state import State

PRIVATE, UMASK = 0o600, 0o666  # mode of a new file; UMASK leaves it to the umask
MODEL_KEYS = ("display_name", "id", "owned_by", "type")


class FileNameError(Exception):
    """A name that cannot be a file of the auth folder."""


class AuthFilesApi:
    """The handlers for auth files."""

    def __init__(self, state: State) -> None:
        self.state, self.accounts = state, state.accounts

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        newer: Routes = {
            "auth-files/fields": {"PATCH": self._set_fields},
            "reset-quota": {"POST": self._end_cooldowns},
        }
        return {
            "auth-files": {"GET": self._list, "POST": self._upload, "DELETE": self._delete},
            "auth-files/models": {"GET": self._models},
            "auth-files/download": {"GET": self._download},
            "auth-files/status": {"PATCH": self._set_status},
            **(newer if self.state.contract.newer else {}),
        }

    # --- read

    async def _list(self, request: Request) -> Response:
        self.accounts.scan()
        name = request.query_params.get("name") if self.state.contract.newer else None
        return reply({"files": [one for one in entries(self.accounts) if not name or one["name"] == name]})

    async def _models(self, request: Request) -> Response:
        name = request.query_params.get("name")
        if not name:
            return failed("name is required", 400)
        self.accounts.scan()
        account = self.accounts.by_name.get(name)
        models = self.accounts.models(account) if account else []
        rows = [{key: one[key] for key in MODEL_KEYS if one.get(key)} for one in map(dict, models)]
        return reply({"models": rows})

    async def _download(self, request: Request) -> Response:
        try:
            path = self._path(request.query_params.get("name", ""))
        except FileNameError as error:
            return failed(str(error), 400)
        if not path.is_file():
            return failed("file not found", 404)
        name = {"content-disposition": f'attachment; filename="{path.name}"'}
        return Response(regular_files.read_bytes(path), headers={**CORS, "content-type": RELAYED, **name})

    # --- upload

    async def _upload(self, request: Request) -> Response:
        multipart = "multipart/form-data" in request.headers.get("content-type", "")
        name, data = await self._from_form(request) if multipart else await self._from_body(request)
        try:
            path = self._path(name)
        except FileNameError as error:
            return failed(str(error), 400)
        newer = self.state.contract.newer
        content = parse_object(data)
        if content is None and newer:
            return failed(f"invalid auth file: {json_error(data)}", 500)
        regular_files.write(path, data, UMASK if multipart and not newer else PRIVATE)
        if content is None:
            return failed(f"invalid auth file: {json_error(data)}", 500)  # the older line keeps the invalid file
        self.accounts.register(name, content)
        return reply({"status": "ok"})

    async def _from_body(self, request: Request) -> tuple[str, bytes]:
        return request.query_params.get("name", ""), await request.body()

    async def _from_form(self, request: Request) -> tuple[str, bytes]:
        async with request.form() as form:
            for field, value in form.multi_items():
                if not isinstance(value, str) and (field == "file" or self.state.contract.newer):
                    return value.filename or "", await value.read()
        return "", b""

    def _path(self, name: str) -> Path:
        """Return the path of a file in the auth folder.

        Raises:
            FileNameError: The name contains a folder, or does not end with `.json`.
        """
        name = name.strip()
        if not name or "/" in name or "\\" in name or ".." in Path(name).parts:
            raise FileNameError("invalid name")
        if not name.lower().endswith(".json"):
            raise FileNameError("name must end with .json")
        return self.accounts.folder / name

    # --- change

    async def _set_status(self, request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return failed("invalid request body", 400)
        name, disabled = body.get("name"), body.get("disabled")
        if not name:
            return failed("name is required", 400)
        if not isinstance(disabled, bool):
            return failed("disabled is required", 400)
        self.accounts.scan()
        if not isinstance(name, str) or name not in self.accounts.by_name:
            return failed("auth file not found", 404)
        self.accounts.update(name, {"disabled": disabled})
        return reply({"disabled": disabled, "status": "ok"})

    async def _set_fields(self, request: Request) -> Response:
        body = await body_of(request) or {}
        name = body.pop("name", None)
        self.accounts.scan()
        if not name:
            return failed("name is required", 400)
        if not isinstance(name, str) or name not in self.accounts.by_name:
            return failed("auth file not found", 404)
        self.accounts.update(name, body)
        return reply({"status": "ok"})

    async def _end_cooldowns(self, request: Request) -> Response:
        index = (await body_of(request) or {}).get("auth_index")
        if not index:
            return failed("auth_index is required", 400)
        self.accounts.scan()
        account = next((one for one in self.accounts.by_name.values() if one.index == index), None)
        if account is None:
            return failed("auth not found", 404)
        return reply({"auth_index": index, "models": self.accounts.end_cooldowns(account), "status": "ok"})

    # --- delete

    async def _delete(self, request: Request) -> Response:
        if request.query_params.get("all", "").lower() in ("true", "1", "*"):
            found = self.accounts.folder.iterdir()
            paths = [one for one in found if one.name.lower().endswith(".json") and not one.is_dir()]
            for path in paths:
                path.unlink()
            self.accounts.scan()
            return reply({"deleted": len(paths), "status": "ok"})
        try:
            path = self._path(request.query_params.get("name", ""))
        except FileNameError:
            return failed("invalid name", 400)
        if not path.is_file():
            return failed("auth file not found" if self.state.contract.newer else "file not found", 404)
        path.unlink()
        self.accounts.scan()
        return reply({"status": "ok"})
