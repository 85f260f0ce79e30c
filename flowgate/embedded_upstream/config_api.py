"""The config through the management API: read whole, and changed value by value, in place."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import config_file, versions
from flowgate.embedded_upstream.responses import CORS, body_of, failed, reply
from flowgate.embedded_upstream.settings import BadConfig, parse
from flowgate.embedded_upstream.state import State

Handler = Callable[[Request], Awaitable[Response]]
Tree = dict[str, Any]
SCALARS: dict[str, type] = {
    **dict.fromkeys(("debug", "logging-to-file", "usage-statistics-enabled", "request-log", "ws-auth"), bool),
    **dict.fromkeys(("force-model-prefix", "quota-exceeded/switch-project"), bool),
    "quota-exceeded/switch-preview-model": bool,
    **dict.fromkeys(("request-retry", "max-retry-interval", "logs-max-total-size-mb", "error-logs-max-files"), int),
    "proxy-url": str,
    "routing/strategy": str,
}
LISTS = ("codex-api-key", "gemini-api-key", "claude-api-key", "vertex-api-key", "openai-compatibility")
MAPPINGS = ("oauth-excluded-models", "oauth-model-alias")
STRATEGIES = {"round-robin": "round-robin", "fill-first": "fill-first", "ff": "fill-first", "": "round-robin"}
UNSHOWN = ("host", "port", "auth-dir", "remote-management", "embedded")
FOREIGN = "failed to load config: failed to parse config file: "


class Configuring:
    """The handlers for what stands in the config file."""

    def __init__(self, state: State) -> None:
        self.state = state

    def table(self) -> dict[str, dict[str, Handler]]:
        """Say which path and method lead where."""
        rows: dict[str, dict[str, Handler]] = {
            "config": {"GET": self._config},
            "config.yaml": {"GET": self._text, "PUT": self._put_text},
            "api-keys": {
                "GET": self._keys,
                "PUT": self._put_keys,
                "PATCH": self._patch_keys,
                "DELETE": self._delete_key,
            },
        }
        for name, kind in SCALARS.items():
            put = partial(self._put, name, kind)
            rows[name] = {"GET": partial(self._get, name), "PUT": put, "PATCH": put}
        rows["proxy-url"]["DELETE"] = partial(self._clear, "proxy-url")
        for name in LISTS:
            rows[name] = {"GET": partial(self._get, name), "PUT": partial(self._put_list, name)}
        return rows | {name: {"GET": partial(self._get, name)} for name in MAPPINGS}

    def whole(self) -> Tree:
        """Lay the file over the defaults of this generation."""
        shown: Tree = dict(versions.table(self.state.contract.name)["config"])
        for key, value in self.state.settings.tree.items():
            if key in UNSHOWN or key not in shown:
                continue
            default = shown[key]
            shown[key] = {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value
        return shown

    def _change(self, where: tuple[str, ...], value: Any) -> Response:
        self.state.settings = config_file.change(self.state.config, where, value)
        return reply({"status": "ok"})

    async def _config(self, request: Request) -> Response:
        return reply(self.whole())

    async def _text(self, request: Request) -> Response:
        headers = {**CORS, "content-type": "application/yaml; charset=utf-8", "cache-control": "no-store"}
        return Response(self.state.config.read_text(encoding="utf-8"), headers=headers)

    async def _put_text(self, request: Request) -> Response:
        text = (await request.body()).decode(errors="replace")
        try:
            parse(text)
        except BadConfig as fault:
            return reply({"error": "invalid_yaml", "message": str(fault).removeprefix(FOREIGN)}, 400)
        config_file.write_in_place(self.state.config, text)
        self.state.settings = config_file.settle(self.state.config, parse(text))
        return reply({"changed": ["config"], "ok": True})

    # --- one value

    async def _get(self, name: str, request: Request) -> Response:
        value: Any = self.whole()
        for key in name.split("/"):
            value = value.get(key) if isinstance(value, dict) else None
        if name in LISTS and self.state.contract.newer:
            value = value or []
        if name == "routing/strategy":
            value = STRATEGIES.get(str(value or "").lower(), value)
        return reply({name.rpartition("/")[2]: value})

    async def _put(self, name: str, kind: type, request: Request) -> Response:
        value = (await body_of(request) or {}).get("value")
        if type(value) is not kind:
            return failed("invalid body", 400)
        if name == "routing/strategy":
            value = STRATEGIES.get(str(value).lower())
            if value is None:
                return failed("invalid strategy", 400)
        return self._change(tuple(name.split("/")), value)

    async def _clear(self, name: str, request: Request) -> Response:
        return self._change((name,), "")

    async def _put_list(self, name: str, request: Request) -> Response:
        items = await _items(request)
        return failed("invalid body", 400) if items is None else self._change((name,), items)

    # --- the clients' keys

    async def _keys(self, request: Request) -> Response:
        return reply({"api-keys": list(self.state.settings.api_keys)})

    async def _put_keys(self, request: Request) -> Response:
        items = await _items(request)
        return failed("invalid body", 400) if items is None else self._change(("api-keys",), items)

    async def _patch_keys(self, request: Request) -> Response:
        body, keys = await body_of(request), list(self.state.settings.api_keys)
        if body is None:
            return failed("invalid body", 400)
        index, value, old, new = (body.get(name) for name in ("index", "value", "old", "new"))
        if isinstance(index, int) and 0 <= index < len(keys) and isinstance(value, str):
            keys[index] = value
        elif isinstance(old, str) and isinstance(new, str):
            keys = [new if key == old else key for key in keys] if old in keys else [*keys, new]
        else:
            return failed("missing fields", 400)
        return self._change(("api-keys",), keys)

    async def _delete_key(self, request: Request) -> Response:
        keys = list(self.state.settings.api_keys)
        index, value = request.query_params.get("index", ""), request.query_params.get("value", "").strip()
        if index.isdigit() and int(index) < len(keys):
            del keys[int(index)]
        elif value:
            keys = [key for key in keys if key != value]
        else:
            return failed("missing index or value", 400)
        return self._change(("api-keys",), keys)


async def _items(request: Request) -> list[Any] | None:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return None
    found = body.get("items") if isinstance(body, dict) else body
    return found if isinstance(found, list) else None
