"""The config in the management API: shown as a whole, and changed value by value."""

from __future__ import annotations

import json
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import config_file, regular_files, versions
from flowgate.embedded_upstream.json_data import Json, JsonObject
from flowgate.embedded_upstream.responses import CORS, Routes, body_of, failed, reply
from flowgate.embedded_upstream.settings import PARSE_ERROR, ConfigError, parse
from flowgate.embedded_upstream.state import State

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
NOT_SHOWN = ("host", "port", "auth-dir", "remote-management", "embedded")


class ConfigApi:
    """The handlers for the config."""

    def __init__(self, state: State) -> None:
        self.state = state

    def routes(self) -> Routes:
        """Return the handlers by path and method."""
        rows: Routes = {
            "config": {"GET": self._show},
            "config.yaml": {"GET": self._show_yaml, "PUT": self._replace_yaml},
            "api-keys": {
                "GET": self._show_keys,
                "PUT": partial(self._set_list, "api-keys"),
                "PATCH": self._change_key,
                "DELETE": self._delete_key,
            },
        }
        for name, kind in SCALARS.items():
            put = partial(self._set, name, kind)
            rows[name] = {"GET": partial(self._get, name), "PUT": put, "PATCH": put}
        rows["proxy-url"]["DELETE"] = self._clear_proxy
        for name in LISTS:
            rows[name] = {"GET": partial(self._get, name), "PUT": partial(self._set_list, name)}
        return rows | {name: {"GET": partial(self._get, name)} for name in MAPPINGS}

    def _merged(self) -> JsonObject:
        """Merge the file into the line's default config."""
        shown = dict(versions.table(self.state.contract)["config"])
        for key, value in self.state.settings.document.items():
            if key in NOT_SHOWN or key not in shown:
                continue
            default = shown[key]
            shown[key] = {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value
        return shown

    def _change(self, keys: tuple[str, ...], value: Json) -> Response:
        self.state.settings = config_file.change(self.state.config, keys, value)
        return reply({"status": "ok"})

    # --- whole config

    async def _show(self, request: Request) -> Response:
        return reply(self._merged())

    async def _show_yaml(self, request: Request) -> Response:
        headers = {**CORS, "content-type": "application/yaml; charset=utf-8", "cache-control": "no-store"}
        return Response(regular_files.read_text(self.state.config), headers=headers)

    async def _replace_yaml(self, request: Request) -> Response:
        content = (await request.body()).decode(errors="replace")
        try:
            settings = parse(content)
        except ConfigError as error:
            return reply({"error": "invalid_yaml", "message": str(error).removeprefix(PARSE_ERROR)}, 400)
        config_file.write_in_place(self.state.config, content)
        self.state.settings = config_file.hash_secret(self.state.config, settings)
        return reply({"changed": ["config"], "ok": True})

    # --- single values

    async def _get(self, name: str, request: Request) -> Response:
        value: Json = self._merged()
        for key in name.split("/"):
            value = value.get(key) if isinstance(value, dict) else None
        if name in LISTS and self.state.contract.newer:
            value = value or []
        if name == "routing/strategy":
            value = STRATEGIES.get(str(value or "").lower(), value)
        return reply({name.rpartition("/")[2]: value})

    async def _set(self, name: str, kind: type, request: Request) -> Response:
        value = (await body_of(request) or {}).get("value")
        if type(value) is not kind:
            return failed("invalid body", 400)
        if name == "routing/strategy":
            value = STRATEGIES.get(str(value).lower())
            if value is None:
                return failed("invalid strategy", 400)
        return self._change(tuple(name.split("/")), value)

    async def _clear_proxy(self, request: Request) -> Response:
        return self._change(("proxy-url",), "")

    async def _set_list(self, name: str, request: Request) -> Response:
        items = await _items(request)
        return failed("invalid body", 400) if items is None else self._change((name,), items)

    # --- client keys

    async def _show_keys(self, request: Request) -> Response:
        more = {"model-whitelists": None} if self.state.contract.whitelists else {}
        return reply({"api-keys": self.state.settings.api_keys, **more})

    async def _change_key(self, request: Request) -> Response:
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
        return self._change(("api-keys",), [*keys])

    async def _delete_key(self, request: Request) -> Response:
        keys = list(self.state.settings.api_keys)
        index, value = request.query_params.get("index", ""), request.query_params.get("value", "").strip()
        if index.isdigit() and int(index) < len(keys):
            del keys[int(index)]
        elif value:
            keys = [key for key in keys if key != value]
        else:
            return failed("missing index or value", 400)
        return self._change(("api-keys",), [*keys])


async def _items(request: Request) -> list[Json] | None:
    try:
        body: Json = json.loads(await request.body())
    except ValueError:
        return None
    items = body.get("items") if isinstance(body, dict) else body
    return items if isinstance(items, list) else None
