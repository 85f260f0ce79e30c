"""Vendors that fail on request (`--faults`): any model is answered, without an account.

`PUT /embedded/faults {"MODEL": {"status": 500, …}}` sets the faults, `GET /embedded/requests` lists what was received.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import TypedDict

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowgate.embedded_upstream.answers import complete
from flowgate.embedded_upstream.completions import CompletionRequest, events, render
from flowgate.embedded_upstream.faults import NO_FAULT, Fault, FaultError, read_faults
from flowgate.embedded_upstream.responses import (
    CORS,
    RELAYED,
    anthropic_error,
    body_of,
    disconnected,
    error_body,
    failed,
    reply,
)

KEPT = 10_000
EVENTS_BEFORE_TEXT = {"/v1/chat/completions": 1, "/v1/messages": 2, "/v1/responses": 4}


class ReceivedRequest(TypedDict):
    """One request that was received.

    Attributes:
        model: The model that was requested.
        at: When it arrived, in seconds since 1970.
        stream: Whether a stream was requested.
        failed: Whether it fails.
    """

    model: str
    at: float
    stream: bool
    failed: bool


class FaultyVendors:
    """The faults and the received requests.

    Attributes:
        faults: The present faults by model.
        requests: The newest requests, oldest first.
        counts: Number of requests by model, since the model's fault changed.
        stopping: Set when the program stops; it ends the waits of all responses.
    """

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}
        self.requests: deque[ReceivedRequest] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.stopping = asyncio.Event()

    def respond(self, request: CompletionRequest) -> Response:
        """Answer a request, or fail as its model's fault says."""
        model, fault = request.model, self.faults.get(request.model, NO_FAULT)
        self.counts[model] += 1
        if self.counts[model] % fault.every:
            fault = NO_FAULT
        received = ReceivedRequest(model=model, at=time.time(), stream=request.streamed, failed=fault.fails)
        self.requests.append(received)
        if fault.status is not None:
            response = _error(request, fault.status, fault.retry_after)
        else:
            response = render(request, complete(request.body, path=request.path))
        return response if fault == NO_FAULT else FaultyResponse(response, request, fault, self.stopping)

    async def set_faults(self, request: Request) -> Response:
        """Replace all faults; where a model's fault changes, its requests are counted from 1 again."""
        before = self.faults
        try:
            self.faults = read_faults(await body_of(request))
        except FaultError as error:
            return failed(str(error), 400)
        for model in [one for one in self.counts if before.get(one) != self.faults.get(one)]:
            del self.counts[model]
        return reply({"faults": {name: fault.changes() for name, fault in self.faults.items()}})

    async def list_requests(self, request: Request) -> Response:
        """List the received requests in order of arrival; DELETE clears the list."""
        if request.method == "DELETE":
            self.requests.clear()
        return reply({"requests": list(self.requests)})


def _error(request: CompletionRequest, status: int, retry_after: int | None) -> Response:
    message = f"vendor says {status}"
    if status == 404:  # vendors name the model that they no longer have; a 404 for a route does not
        message += f": model: {request.model}"
    anthropic = request.path == "/v1/messages"
    body = anthropic_error(message, status) if anthropic else error_body(message, status)
    return reply(body, status, RELAYED, {} if retry_after is None else {"retry-after": str(retry_after)})


class FaultyResponse(Response):
    """A response that is late, incomplete or missing."""

    def __init__(self, complete: Response, request: CompletionRequest, fault: Fault, stopping: asyncio.Event) -> None:
        """Create the response.

        Args:
            complete: The response without the fault, or the error response.
            request: The client's request.
            fault: The fault.
            stopping: Ends all waits.
        """
        super().__init__(status_code=complete.status_code)
        self.complete, self.request, self.fault, self.stopping = complete, request, fault, stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send as much as the fault allows; uvicorn closes a connection whose response is incomplete."""
        fault, streamed = self.fault, self.request.streamed
        if streamed and fault.status is None and not fault.hangs:
            await self._send_part(receive, send)
        elif await self._delayed(receive):
            await _abandon(scope, receive, send)
        elif fault.hangs:
            await self._ended(receive)
            await _abandon(scope, receive, send)
        elif fault.silent or fault.mute or fault.cuts:
            await self._send_part(receive, send)
        else:
            await self.complete(scope, receive, send)

    async def _send_part(self, receive: Receive, send: Send) -> None:
        """Send the headers and, after a stream's delay, as much of the body as the fault allows."""
        await send({"type": "http.response.start", "status": 200, "headers": self.complete.raw_headers})
        if self.request.streamed and await self._delayed(receive):
            return
        for piece in self._pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.fault.silent or self.fault.mute:
            await self._ended(receive)
        elif not self.fault.cuts:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _pieces(self) -> list[bytes]:
        """Return the pieces before the failure; a response that is no stream is cut in half."""
        if not self.request.streamed:
            body = bytes(self.complete.body)
            return [body[: len(body) // 2]] if self.fault.cuts else []
        before = EVENTS_BEFORE_TEXT.get(self.request.path, 0)
        answer = complete(self.request.body, path=self.request.path)
        pieces = [one.encode() for one in events(self.request, answer)]
        if self.fault.silent or self.fault.mute:
            return [] if self.fault.mute else pieces[:before]
        return pieces[: before + 1] if self.fault.cuts else pieces

    async def _delayed(self, receive: Receive) -> bool:
        """Wait as long as the fault says, and return whether the client has disconnected or the program stops."""
        return self.fault.slow > 0 and await self._ended(receive, self.fault.slow)

    async def _ended(self, receive: Receive, timeout: float | None = None) -> bool:
        """Wait until the client disconnects or the program stops; return False after the timeout."""
        waits = [asyncio.ensure_future(disconnected(receive)), asyncio.ensure_future(self.stopping.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


async def _abandon(scope: Scope, receive: Receive, send: Send) -> None:
    """End a request whose client has disconnected, or whose program stops."""
    await Response("the vendor stops", 503, headers={**CORS, "connection": "close"})(scope, receive, send)
