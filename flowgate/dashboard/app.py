"""The app: paths to pages, the one-time link, and the events that refresh the overview."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from flowgate.dashboard.access import ALIVE_PATH, LINK_PATH, SESSION, Access, Guard, Signed
from flowgate.dashboard.acts import Act, Acts
from flowgate.dashboard.control import METRICS_PATH
from flowgate.dashboard.data import Sources
from flowgate.dashboard.exposition import CONTENT_TYPE
from flowgate.dashboard.metrics import Exporter
from flowgate.dashboard.pages import LARGEST_ID, Pages
from flowgate.dashboard.rendering import FOLDER
from flowgate.errors import FlowGateError, UsageError
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from starlette.types import ASGIApp

T = TypeVar("T")
STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}
REFRESH_SECONDS = 3.0
MOST_STREAMS = 8
OPENED = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>FlowGate</title>
<meta http-equiv="refresh" content="0; url=/"></head><body><p><a href="/">Open the dashboard</a></p></body></html>
"""


class Dashboard:
    """The handlers of the paths.

    Args:
        sources: Where the pages get their data.
        clock: The time.
        access: Who may see them.
        stop: Ends the server.
        on_request: Is called for every request that is not refused, and while an overview is on screen.
    """

    def __init__(
        self,
        sources: Sources,
        clock: Clock,
        access: Access,
        stop: Callable[[], None],
        on_request: Callable[[], None] = lambda: None,
    ) -> None:
        self._sources, self._pages, self._acts = (
            sources,
            Pages(sources, clock),
            Acts(sources.run, sources.mask, on_request),
        )
        self._access, self._stop, self._on_request = access, stop, on_request
        self._static = {name: (FOLDER / "static" / name).read_bytes() for name in STATIC}
        self._exporter, self._clock = Exporter(sources), clock
        self._streams = 0
        self._one_page = anyio.CapacityLimiter(1)  # pages are read one at a time: the sources are not thread-safe

    def app(self) -> ASGIApp:
        """Return the app with its guard."""
        routes = [
            Route(LINK_PATH, self._open),
            Route(ALIVE_PATH, self._alive),
            Route(METRICS_PATH, self._metrics),
            Route("/", partial(self._page, self._pages.overview)),
            Route("/live", self._live),
            Route("/usage", partial(self._page_of_query, self._pages.usage)),
            Route("/requests", partial(self._page_of_query, self._pages.requests)),
            Route("/requests/{number:int}", self._request),
            Route("/reports", partial(self._page, self._pages.reports)),
            Route("/reports/{name}", self._report),
            Route("/accounts", partial(self._page, self._pages.accounts)),
            Route("/events", partial(self._page, self._pages.events)),
            Route("/static/{name}", self._asset),
            Route("/acts/live", self._follow),
            Route("/acts/{name}", self._act),
            Route("/acts/{name}", self._carry_out, methods=["POST"]),
            Route("/stop", self._leave, methods=["POST"]),
            Route("/{path:path}", self._missing),
        ]
        return Guard(Starlette(routes=routes), self._access, self._on_request)

    async def _alive(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _metrics(self, _: Request) -> Response:
        self._on_request()  # the guard notes the requests of browsers only
        text = await self._read(partial(self._exporter.text, self._clock.wall().timestamp()))
        return Response(text, media_type=CONTENT_TYPE)

    async def _open(self, request: Request) -> Response:
        session = self._access.open(request.query_params.get("token", "")) if request.method == "GET" else None
        if session is None:
            return PlainTextResponse("refused: this link is wrong or was used; run the command again\n", 403)
        # Not a redirect: a browser sends no SameSite=Strict cookie where another page led to the link.
        response = HTMLResponse(OPENED)
        response.set_cookie(self._access.cookie_name, session.cookie, httponly=True, samesite="strict", path="/")
        return response

    async def _page(self, page: Callable[[str], str], request: Request) -> Response:
        return await self._html(partial(page, _csrf(request)))

    async def _page_of_query(self, page: Callable[[str, dict[str, str]], str], request: Request) -> Response:
        return await self._html(partial(page, _csrf(request), dict(request.query_params)))

    async def _request(self, request: Request) -> Response:
        number = int(request.path_params["number"])
        if number > LARGEST_ID:
            return await self._missing(request)
        text = await self._read(partial(self._pages.request, _csrf(request), number))
        return HTMLResponse(text) if text is not None else await self._missing(request)

    async def _report(self, request: Request) -> Response:
        text = await self._read(partial(self._pages.report, _csrf(request), request.path_params["name"]))
        return HTMLResponse(text) if text is not None else await self._missing(request)

    async def _missing(self, request: Request) -> Response:
        return HTMLResponse(self._pages.missing(_csrf(request)), 404)

    async def _html(self, page: Callable[[], str]) -> Response:
        try:
            return HTMLResponse(await self._read(page))
        except UsageError as error:
            return PlainTextResponse(f"error: {error.what}\n", 404)
        except FlowGateError as error:
            return PlainTextResponse(f"error: {error.what}\n", 503)

    async def _read(self, page: Callable[[], T]) -> T:
        return await to_thread.run_sync(page, limiter=self._one_page)

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            return await self._missing(request)
        return Response(self._static[name], media_type=STATIC[name])

    async def _act(self, request: Request) -> Response:
        name, query = request.path_params["name"], dict(request.query_params)
        return await self._html(partial(self._pages.act, _csrf(request), name, query, self._acts.last))

    async def _carry_out(self, request: Request) -> Response:
        name, value = request.path_params["name"], request.query_params.get("value", "")
        try:
            shown = await self._read(partial(self._sources.preview, name, value))
        except FlowGateError as error:
            return PlainTextResponse(f"refused: {error.what}\n", 400 if isinstance(error, UsageError) else 503)
        if not self._acts.start(shown):
            return PlainTextResponse("refused: another act runs\n", 409)
        return PlainTextResponse("started\n", 202)

    async def _follow(self, request: Request) -> Response:
        act = self._acts.last
        if act is None or self._streams >= MOST_STREAMS:
            return PlainTextResponse("there is nothing to follow\n", 404 if act is None else 503)
        return StreamingResponse(self._progress(act, _session(request)), media_type="text/event-stream")

    async def _progress(self, act: Act, session: Signed) -> AsyncIterator[str]:
        self._streams += 1
        try:
            async for lines, code in self._acts.follow(act):
                if not self._access.is_open(session):
                    return
                yield f"data: {json.dumps({'lines': lines, 'code': code})}\n\n"
        finally:
            self._streams -= 1

    async def _leave(self, _: Request) -> Response:
        self._access.end()
        self._stop()
        return PlainTextResponse("the dashboard has stopped\n")

    async def _live(self, request: Request) -> Response:
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse("too many pages are open\n", 503)
        return StreamingResponse(self._parts(_session(request)), media_type="text/event-stream")

    async def _parts(self, session: Signed) -> AsyncIterator[str]:
        """Yield the overview again whenever it has changed, until the browser closes the page or signs out."""
        self._streams += 1
        last = ""
        try:
            while self._access.is_open(session):
                self._on_request()
                part = await self._read(self._pages.overview_part)
                if part != last:
                    yield f"data: {json.dumps(part)}\n\n"
                else:
                    yield ": unchanged\n\n"
                last = part
                await anyio.sleep(REFRESH_SECONDS)
        finally:
            self._streams -= 1


def _session(request: Request) -> Signed:
    found = request.scope[SESSION]
    assert isinstance(found, Signed)  # the guard lets no other request pass
    return found


def _csrf(request: Request) -> str:
    return _session(request).csrf
