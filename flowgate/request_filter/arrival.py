"""How long a request's body may take to arrive, and how large it may be: 408 and 413 in the client's dialect.

What the app does with a body that ends in the middle is its own affair: its response is replaced.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flowgate.domain.request_limits import size
from flowgate.request_filter.begun import Begun
from flowgate.request_filter.body import BadBody
from flowgate.request_filter.cross_origin import send_response
from flowgate.request_filter.dialects import Kind, Response, error_response

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

BODY_SECONDS = 60.0
BODY_BYTES_PER_SECOND = 16_384  # a body may take a second more for each of so many bytes
KINDS: dict[int, Kind] = {400: "bad_request", 408: "too_slow", 413: "too_large", 415: "bad_request"}
CLOSE = [(b"connection", b"close")]  # what still comes is nobody's


class Arrival:
    """The body of one request on its way.

    Attributes:
        fault: Why it was not waited for; None if it was.
    """

    __slots__ = (
        "_began",
        "_has_begun",
        "_is_complete",
        "_is_replaced",
        "_most",
        "_receive",
        "_scope",
        "_size",
        "fault",
    )

    def __init__(self, scope: Scope, receive: Receive, most: int) -> None:
        """Create it.

        Args:
            scope: The request.
            receive: Its messages.
            most: Bytes that a body may have.
        """
        self.fault: BadBody | None = None
        self._scope, self._receive, self._most = scope, receive, most
        self._began, self._size, self._is_complete = 0.0, 0, False
        self._has_begun = self._is_replaced = False

    async def receive(self) -> Message:
        """Return the next message.

        Raises:
            BadBody: The body takes too long, or is too large.
        """
        if self._is_complete:  # what is left to come is the end of the connection
            return await self._receive()
        if self.fault:
            raise self.fault
        if not self._began:
            self._began = asyncio.get_running_loop().time()
            self._check(_announced(self._scope))
        message = await self._next()
        self._size += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        self._check(self._size)
        return message

    async def _next(self) -> Message:
        """Return the next message; one that has arrived already, as most bodies have, needs no timer."""
        begun = Begun(self._receive())
        if begun.result is not None:
            return begun.result
        try:
            async with asyncio.timeout_at(self._began + BODY_SECONDS + self._size / BODY_BYTES_PER_SECOND):
                return await begun
        except TimeoutError:
            what = f"{self._size:,} bytes of the body have arrived in {BODY_SECONDS:.0f} s"
            raise self._refused(408, f"{what}; send it faster, or try again") from None

    def _check(self, count: int) -> None:
        if count > self._most:
            what = f"the body has more than {size(self._most)}"
            raise self._refused(413, f"{what}; send less, or raise max_body")

    def _refused(self, status: int, sentence: str) -> BadBody:
        self.fault = BadBody(status, sentence)
        return self.fault

    def guarded(self, send: Send) -> Send:
        """Return a `send` for the app, whose response is replaced if the body was not waited for.

        Args:
            send: The request's `send`.
        """

        async def guard(message: Message) -> None:
            if self._is_replaced:
                return
            if self.fault and message["type"] == "http.response.start":
                await self.replace(send)
                return
            self._has_begun = True
            await send(message)

        return guard

    async def replace(self, send: Send) -> None:
        """Send the response to a body that was not waited for, unless a response has begun.

        Args:
            send: The request's `send`.
        """
        if self.fault and not self._has_begun and not self._is_replaced:
            self._is_replaced = True
            await send_response(send, response(self._scope, self.fault))


def response(scope: Scope, bad: BadBody) -> Response:
    """Return the response to a body that cannot be used.

    Args:
        scope: The request.
        bad: Why not.
    """
    headers = CLOSE if bad.status == 408 else ()
    return error_response(scope["path"], scope["headers"], bad.status, KINDS[bad.status], bad.sentence, headers)


def _announced(scope: Scope) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
