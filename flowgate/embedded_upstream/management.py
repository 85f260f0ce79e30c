"""The management API: the handler of each path, and the headers of every response."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import go_format, versions
from flowgate.embedded_upstream.auth_files import AuthFilesApi
from flowgate.embedded_upstream.config_api import ConfigApi
from flowgate.embedded_upstream.logins import LoginApi
from flowgate.embedded_upstream.management_auth import ManagementAuth
from flowgate.embedded_upstream.responses import CORS, Handler, Routes, failed, not_found, reply, unreachable
from flowgate.embedded_upstream.state import State
from flowgate.embedded_upstream.usage import MOST_AT_ONCE

RELEASES = "https://api.github.com/repos/router-for-me/{}/releases/latest"
WITHOUT_KEY = ("oauth-callback",)  # paths that need no key on the newer line


class ManagementApi:
    """Everything under `/v0/management`."""

    def __init__(self, state: State, logins: LoginApi) -> None:
        self.state = state
        self.auth = ManagementAuth(state)
        older: Routes = {"usage": {"GET": self._usage}, "usage/export": {"GET": self._export}}
        newer: Routes = {"usage-queue": {"GET": self._queue}, "api-key-usage": {"GET": self._key_usage}}
        self.handlers: Routes = {
            **AuthFilesApi(state).routes(),
            **ConfigApi(state).routes(),
            **logins.routes(),
            "logs": {"GET": self._no_logs, "DELETE": self._no_logs},
            "request-error-logs": {"GET": self._error_logs},
            "request-error-logs/*": {"GET": self._no_error_log},
            "request-log-by-id/*": {"GET": self._no_request_log},
            "latest-version": {"GET": self._latest_version},
            "model-definitions/*": {"GET": self._model_definitions},
            **(newer if state.contract.newer else older),
        }

    async def handle(self, request: Request) -> Response:
        """Check the key of a request and answer it."""
        state, path = self.state, str(request.path_params["path"])
        if not state.has_management_key:
            return Response(status_code=404, headers=CORS) if state.management_enabled else not_found(state.contract)
        state.management_enabled = True
        handler = self._find(request.method, path)
        if handler and state.contract.newer and path in WITHOUT_KEY:
            return await handler(request)
        if not handler and not state.contract.newer:
            return not_found(state.contract)
        response = await self.auth.refuse(request)
        if response is None:
            response = await _answer(handler, request) if handler else not_found(state.contract)
        response.headers.update(state.contract.management_headers())
        return response

    def _find(self, method: str, path: str) -> Handler | None:
        found = self.handlers.get(path) or self.handlers.get(f"{path.rpartition('/')[0]}/*")
        return found.get(method) if found else None

    # --- logs and usage

    async def _no_logs(self, request: Request) -> Response:
        return failed("logging to file disabled", 400)

    async def _error_logs(self, request: Request) -> Response:
        return reply({"files": self.state.error_logs.rows if self.state.contract.newer else []})

    async def _no_error_log(self, request: Request) -> Response:
        return failed("log file not found", 404)

    async def _no_request_log(self, request: Request) -> Response:
        return failed("log directory not found", 404)

    async def _usage(self, request: Request) -> Response:
        return reply({"failed_requests": self.state.usage.failures(), "usage": self.state.usage.report()})

    async def _export(self, request: Request) -> Response:
        return reply({"version": 1, "exported_at": go_format.timestamp(), "usage": self.state.usage.report()})

    async def _queue(self, request: Request) -> Response:
        count = request.query_params.get("count", "").strip() or "1"
        if not (count.isascii() and count.isdigit() and int(count[:9])):
            return failed("count must be a positive integer", 400)
        return reply(self.state.usage.pop(min(int(count[:9]), MOST_AT_ONCE)))

    async def _key_usage(self, request: Request) -> Response:
        return reply({})

    # --- versions and models

    async def _latest_version(self, request: Request) -> Response:
        """Report that GitHub cannot be reached: this program never connects to it."""
        cause = unreachable(self.state.settings.proxy_url, "api.github.com")
        return reply(
            {"error": "request_failed", "message": f'Get "{RELEASES.format(self.state.contract.repository)}": {cause}'},
            502,
        )

    async def _model_definitions(self, request: Request) -> Response:
        channel = str(request.path_params["path"]).rpartition("/")[2]
        known = versions.models(self.state.contract, channel)
        if not known:
            return reply({"channel": channel, "error": "unknown channel"}, 400)
        return reply({"channel": channel, "models": known})


async def _answer(handler: Handler, request: Request) -> Response:
    """Answer a request; what the disk refuses is an error of this request alone."""
    try:
        return await handler(request)
    except OSError as error:
        return failed(f"failed to access {error.filename}: {(error.strerror or '').lower()}", 500)
