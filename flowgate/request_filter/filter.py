"""The ASGI middleware around the app that a worker serves.

It refuses requests without a valid key, and those that no model can answer. It counts requests in progress, holds new
ones, adds `x-flowgate-generation`, and sends `Connection: close` while the worker drains.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from flowgate.request_filter import context_window
from flowgate.request_filter.arrival import Arrival
from flowgate.request_filter.checks import Checks, Request
from flowgate.request_filter.clients import Clients
from flowgate.request_filter.cross_origin import refuse_websocket, send_as_app
from flowgate.request_filter.dialects import Response
from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.holding import RESTARTING, RESTARTING_SECONDS, Holding
from flowgate.request_filter.places import Places
from flowgate.request_filter.quotas import Quotas
from flowgate.request_filter.recent import READING, RecentRequests, begin_row, note_broken_stream
from flowgate.request_filter.refusals import Refusals
from flowgate.request_filter.request_bound import RequestBound
from flowgate.request_filter.rules import FilterRules
from flowgate.request_filter.unavailable import reason, send_unavailable
from flowgate.request_filter.upstreams import Upstreams

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from flowgate.request_filter.recent import RecentRequest
    from flowgate.request_filter.recorder import Recorder


class RequestFilter:
    """ASGI middleware of one worker.

    Attributes:
        rules: Settings; may be replaced while requests are in progress.
        draining: Whether responses ask clients to close their connection.
        cut: Number of requests that were cancelled.
        recent: The last requests.
        upstreams: The services that the app's deployments are behind.
        clients: The clients whose keys are accepted.
        refusals: How many requests were refused.
        startup_error: Why the app did not start; empty when it did.
        recorder: Records requests that ask a model; None when they are not recorded.
        holding: Whether new requests are held.
        bound: How many requests are served at once.
    """

    def __init__(
        self, app: ASGIApp, rules: FilterRules, quotas: Quotas | None = None, places: Places | None = None
    ) -> None:
        self.app, self.rules = app, rules
        self.draining = False
        self.cut = 0
        self.recent = RecentRequests()
        self.upstreams = Upstreams()
        self.startup_error = ""
        self.recorder: Recorder | None = None
        self.clients = Clients(rules.requests.client_keys)
        self.refusals = Refusals()
        self._quotas = quotas or Quotas()
        self._checks = Checks(rules.requests, self.clients, self._quotas, rules.public_port)
        self.holding, self.bound = Holding(), RequestBound(places)
        self._started_at: dict[int, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            return await self._run_lifespan(scope, receive, send)
        row, started = begin_row(scope, self.rules.public_port), time.monotonic()
        admission = self._current_checks().admit(scope)
        client = admission.client
        if client:
            row["client"] = client.name
        if admission.response:
            return await self._refuse(scope, send, admission.response, row)
        needs_place = self.bound.counts(admission.scope, self.rules)
        try:
            if needs_place and not await self.bound.enter():
                return await self._refuse(scope, send, self.bound.refusal(admission.scope), row)
            try:
                await self._admitted(Request(admission.scope, receive, client), send, row, started)
            finally:
                if needs_place:
                    self.bound.leave()
        finally:
            if client:
                self._quotas.leave(client.name)

    async def _admitted(self, request: Request, send: Send, row: RecentRequest, started: float) -> None:
        """Serve a request whose key and whose place are settled."""
        scope, is_http = request.scope, request.scope["type"] == "http"
        self._follow(scope, row)
        marked = self._marked(scope, context_window.translated(scope, send), row) if is_http else send
        arrival = Arrival(scope, request.receive, self.rules.requests.max_body)
        if is_http:
            request.receive = arrival.receive
        try:
            if self.holding.is_on and is_http:
                released = await self.holding.wait(scope, self.rules.public_port)
                row["held"] = time.monotonic() - started
                if not released:
                    return await send_unavailable(scope, marked, RESTARTING, RESTARTING_SECONDS)
            self._started_at[id(row)] = time.monotonic()
            return await self._serve(request, arrival.guarded(marked) if is_http else marked, row)
        except Exception:
            if arrival.fault is None:
                raise
            return await arrival.replace(marked)  # whatever the app makes of a body that ends in the middle
        except asyncio.CancelledError:  # uvicorn cancels what is in progress when the time to shut down is over
            self.cut += 1
            raise
        finally:
            self._started_at.pop(id(row), None)
            row["seconds"] = round(time.monotonic() - started, 4)
            if self.recorder is not None:
                self.recorder.end(row)

    async def _serve(self, request: Request, send: Send, row: RecentRequest) -> None:
        """Let the app answer, unless no model can."""
        checks, scope = self._current_checks(), request.scope
        if scope["type"] != "http":
            return await self.app(scope, request.receive, send)
        if response := await checks.examine(request, row):
            row["refused"] = response.reason
            self.refusals.count(row.get("client", ""), response.kind)
            return await send_as_app(self.app, scope, send, response)
        answer = checks.answering(request, send)  # it may change the request
        return await self.app(request.scope, request.receive, answer)

    async def _refuse(self, scope: Scope, send: Send, response: Response, row: RecentRequest) -> None:
        """Refuse a request by its key alone."""
        row["status"], row["seconds"], row["refused"] = response.status, 0.0, response.reason
        self.refusals.count(row.get("client", ""), response.kind)
        self.recent.keep_refused(row)
        if self.recorder is not None and row["method"] not in READING:
            self.recorder.refuse(row)
        if scope["type"] == "websocket":
            return await refuse_websocket(scope, send, response)

        async def mark(message: Message) -> None:
            self._add_headers(message)
            await send(message)

        return await send_as_app(self.app, scope, mark, response)

    def _current_checks(self) -> Checks:
        rules = self.rules.requests
        if self._checks.rules is not rules:
            if self.clients.path != rules.client_keys:
                self.clients = Clients(rules.client_keys)
            self._checks = Checks(rules, self.clients, self._quotas, self.rules.public_port)
        return self._checks

    def _follow(self, scope: Scope, row: RecentRequest) -> None:
        """Keep the row of an admitted request, and let the code that serves it find the row."""
        if self.rules.tracks_attempts:
            row["attempts"] = []
        if scope["type"] == "http":
            self.recent.begin(row, self.rules.recorded_headers)
            if self.recorder is not None and row["method"] not in READING:
                self.recorder.begin(row)
        CURRENT.set(row)

    async def _run_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note_failure(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.startup_error = _last_line(message.get("message", ""))
            await send(message)

        try:
            await self.app(scope, receive, note_failure)
        except BaseException as fault:
            self.startup_error = self.startup_error or f"{type(fault).__name__}: {fault}"
            raise

    # --- counting

    @property
    def in_progress(self) -> int:
        """Return the number of requests in progress."""
        return len(self._started_at)

    def oldest_seconds(self) -> float:
        """Return the age of the oldest request in progress, in seconds; 0 when there is none."""
        return time.monotonic() - min(self._started_at.values()) if self._started_at else 0.0

    # --- headers

    def _marked(self, scope: Scope, send: Send, row: RecentRequest) -> Send:
        replaced, started = False, time.monotonic()

        async def mark(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if message["type"] == "http.response.start":
                if why := reason(row, message["status"]):
                    replaced = True
                    self.recent.keep(row, message, self.rules.recorded_headers)  # with the app's id of the request
                    await send_unavailable(scope, mark_once, why, kept=message.get("headers", ()))
                    return
                self._mark(message, row)
            elif body := message.get("body"):
                row.setdefault("first", time.monotonic() - started)
                if body[:1] in (b"d", b"e"):
                    note_broken_stream(row, body)
            await send(message)

        async def mark_once(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(message, row)
            await send(message)

        return mark

    def _mark(self, start: Message, row: RecentRequest) -> None:
        """Record the start of a response, and add the filter's own headers to it."""
        self.recent.keep(row, start, self.rules.recorded_headers)
        self._add_headers(start)

    def _add_headers(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            return
        added = [(b"x-flowgate-generation", self.rules.generation.encode())]
        if self.draining:
            # A kept connection would be cut when this process exits. A client that is asked to close it opens
            # a new one, which the newer generation accepts.
            added.append((b"connection", b"close"))
        message["headers"] = [*message.get("headers", ()), *added]


def _last_line(traceback: str) -> str:
    """Return the line of a traceback that names the error."""
    return next((line.strip() for line in reversed(traceback.splitlines()) if line.strip()), "")
