"""The last responses of a worker: who answered, how fast; never a body, a query string or a key."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from starlette.types import Message, Scope

KEPT_RESPONSES = 500


class RecentRequest(TypedDict):
    """One request and its response.

    Attributes:
        path: Path of the request.
        method: HTTP method.
        at: When it arrived, in seconds since 1970.
        status: Status of the response.
        seconds: Duration; absent while the response is in progress.
        headers: The recorded response headers.
        generation: The generation that answered; added by the client that reads the rows.
    """

    path: str
    method: str
    at: float
    status: NotRequired[int]
    seconds: NotRequired[float]
    headers: NotRequired[dict[str, str]]
    generation: NotRequired[int]


class RecentRequests:
    """The last responses that carried a recorded header, oldest first."""

    def __init__(self) -> None:
        self._rows: deque[RecentRequest] = deque(maxlen=KEPT_RESPONSES)

    def rows(self) -> list[RecentRequest]:
        """Return the kept rows, oldest first."""
        return list(self._rows)

    def keep(self, row: RecentRequest, response_start: Message, prefixes: tuple[str, ...]) -> None:
        """Keep a row when its response carries a recorded header.

        Args:
            row: The request; its status and headers are added here.
            response_start: The ASGI message `http.response.start`.
            prefixes: Lower-case prefixes of the headers to keep.
        """
        names = ((key.decode("latin-1").lower(), value) for key, value in response_start.get("headers", ()))
        headers = {name: value.decode("latin-1") for name, value in names if prefixes and name.startswith(prefixes)}
        if headers:
            row["status"], row["headers"] = response_start["status"], headers
            self._rows.append(row)


def begin_row(scope: Scope) -> RecentRequest:
    """Start the row of a request that has just arrived."""
    return {"path": scope.get("path", ""), "method": scope.get("method", ""), "at": time.time()}
