"""The management API: which path leads where, and what every answer carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from flowgate.embedded_upstream import versions
from flowgate.embedded_upstream.auth_files import AuthFiles
from flowgate.embedded_upstream.config_api import Configuring
from flowgate.embedded_upstream.logins import Logins
from flowgate.embedded_upstream.management_auth import Gate
from flowgate.embedded_upstream.responses import CORS, failed, not_found, reply
from flowgate.embedded_upstream.state import State

Handler = Callable[[Request], Awaitable[Response]]
RELEASES = "https://api.github.com/repos/router-for-me/CLIProxyAPIPlus/releases/latest"
OPEN_IN_7 = ("oauth-callback",)  # the state is its only guard there


class Management:
    """Everything under `/v0/management`."""

    def __init__(self, state: State, logins: Logins) -> None:
        self.state = state
        self.gate = Gate(state)
        files, config = AuthFiles(state), Configuring(state)
        self.table: dict[str, dict[str, Handler]] = {
            **files.table(),
            **config.table(),
            **logins.table(),
            "logs": {"GET": self._no_logs, "DELETE": self._no_logs},
            "request-error-logs": {"GET": self._error_logs},
            "request-error-logs/*": {"GET": self._no_error_log},
            "request-log-by-id/*": {"GET": self._no_request_log},
            "latest-version": {"GET": self._latest},
            "model-definitions/*": {"GET": self._definitions},
            **(self._newer() if state.contract.newer else self._older()),
        }

    def _older(self) -> dict[str, dict[str, Handler]]:
        return {"usage": {"GET": self._usage}, "usage/export": {"GET": self._export}}

    def _newer(self) -> dict[str, dict[str, Handler]]:
        return {"usage-queue": {"GET": self._queue}, "api-key-usage": {"GET": self._key_usage}}

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        state, path = self.state, str(request.path_params["path"])
        if not state.managed():
            return Response(status_code=404, headers=CORS) if state.had_routes else not_found(state.contract)
        state.had_routes = True
        handler = self._find(request.method, path)
        if handler and state.contract.newer and path in OPEN_IN_7:
            return await handler(request)
        if not handler and not state.contract.newer:
            return not_found(state.contract)
        response = await self.gate.refuse(request)
        if response is None:
            response = await handler(request) if handler else not_found(state.contract)
        response.headers.update(state.contract.headers())
        return response

    def _find(self, method: str, path: str) -> Handler | None:
        found = self.table.get(path) or self.table.get(f"{path.rpartition('/')[0]}/*")
        return found.get(method) if found else None

    # --- logs and usage

    async def _no_logs(self, request: Request) -> Response:
        return failed("logging to file disabled", 400)

    async def _error_logs(self, request: Request) -> Response:
        return reply({"files": self.state.error_logs if self.state.contract.newer else []})

    async def _no_error_log(self, request: Request) -> Response:
        return failed("log file not found", 404)

    async def _no_request_log(self, request: Request) -> Response:
        return failed("log directory not found", 404)

    async def _usage(self, request: Request) -> Response:
        return reply({"failed_requests": self.state.usage.failures(), "usage": self.state.usage.report()})

    async def _export(self, request: Request) -> Response:
        from flowgate.embedded_upstream.accounts import now

        return reply({"version": 1, "exported_at": now(), "usage": self.state.usage.report()})

    async def _queue(self, request: Request) -> Response:
        count = request.query_params.get("count", "1")
        return reply(self.state.usage.pop(int(count) if count.isdigit() else 1))

    async def _key_usage(self, request: Request) -> Response:
        return reply({})

    # --- what stands in tables

    async def _latest(self, request: Request) -> Response:
        """Say that GitHub cannot be reached: the embedded upstream never leaves the machine."""
        where = f'Get "{RELEASES}": {unreachable(self.state, "api.github.com")}'
        return reply({"error": "request_failed", "message": where}, 502)

    async def _definitions(self, request: Request) -> Response:
        channel = str(request.path_params["path"]).rpartition("/")[2]
        known = versions.models(self.state.contract, channel)
        if not known:
            return reply({"channel": channel, "error": "unknown channel"}, 400)
        return reply({"channel": channel, "models": known})


def unreachable(state: State, host: str) -> str:
    """Say in the real program's words why a host was not reached."""
    from urllib.parse import urlsplit

    if proxy := urlsplit(state.settings.proxy_url).netloc:
        return f"proxyconnect tcp: dial tcp {proxy}: connect: connection refused"
    return f"dial tcp: lookup {host}: no such host"
