"""The last requests of a worker: what was asked, who was tried, who answered; never a body, a query string or a key."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from starlette.types import Message, Scope

KEPT_REQUESTS = 500
ERROR_EVENTS = (b'data: {"error"', b'data: {"type":"error"', b'data: {"type": "error"', b"event: error")
BROKEN_STREAM = "the stream broke off"
PROBE_HEADER = b"x-flowgate-probe"  # sent with FlowGate's own requests to the public port
Cause = tuple[int | None, str | None, str | None]  # status, client and reason of a refusal
READING = ("GET", "HEAD", "OPTIONS")  # kept only when the response has a recorded header: probes and model lists


class Attempt(TypedDict):
    """One attempt to have a deployment answer a request.

    Attributes:
        model: The model group that was asked.
        deployment: The provider's name of the model; empty when no deployment could be chosen.
        id: The deployment's id.
        host: Host and port of its address; empty when the provider's own is used.
        at: When it began, in seconds since 1970.
        seconds: How long it took until the answer, or until a stream began; None while in progress.
        status: HTTP status of the error; None without one.
        error: Kind of the error, without its text; empty when the deployment answered.
        stream: Whether the answer is a stream.
        obstacle: A sentence, when the deployment was not to blame: a service that is down, or a shortage of this
            machine.
        service: The service that the deployment is behind; absent if it is behind none.
        retry_after: Seconds for which the response of a failed attempt asked to wait (`Retry-After`); -1 for none;
            absent: not known.
    """

    model: str
    deployment: str
    id: str
    host: str
    at: float
    seconds: float | None
    status: int | None
    error: str
    stream: NotRequired[bool]
    obstacle: NotRequired[str]
    service: NotRequired[str]
    retry_after: NotRequired[int]


class Usage(TypedDict):
    """Tokens and cost of an answer, as the app has counted them.

    Attributes:
        prompt: Tokens of the request; `cached` of them came from the provider's cache.
        completion: Tokens of the answer; `reasoning` of them are not shown.
        cached: See `prompt`.
        reasoning: See `completion`.
        cost: US dollars; None when no price is known.
        price: Where the cost comes from: "list", "config", "subscription" or "unknown".
        provider: The provider that answered.
    """

    prompt: int
    completion: int
    cached: int
    reasoning: int
    cost: float | None
    price: str
    provider: str


class RecentRequest(TypedDict):
    """One request and its response.

    Attributes:
        path: Path of the request.
        method: HTTP method.
        at: When it arrived, in seconds since 1970.
        own: Whether FlowGate sent it, to check the worker.
        model: The model's name that the client asked for.
        leads_to: The model that answers in place of this name; absent if the name is not replaced.
        count: Number of equal requests that this row stands for; absent for one.
        refused: Why the request filter refused it; absent if it did not.
        client: Name of the client whose key it carried; absent for the gateway's own key, and without a valid key.
        status: Status of the response; absent until the response begins.
        seconds: Duration; absent while the response is in progress.
        headers: The recorded response headers.
        attempts: The attempts, in order; absent when they are not known.
        held: Seconds that it was held before the app saw it; absent if it was not.
        first: Seconds until the first byte of the response's body; absent until then.
        usage: Tokens and cost; absent until they are known.
        generation: The generation that answered; added by the client that reads the rows.
    """

    path: str
    method: str
    at: float
    own: NotRequired[bool]
    model: NotRequired[str]
    leads_to: NotRequired[str]
    count: NotRequired[int]
    refused: NotRequired[str]
    client: NotRequired[str]
    status: NotRequired[int]
    seconds: NotRequired[float]
    headers: NotRequired[dict[str, str]]
    attempts: NotRequired[list[Attempt]]
    held: NotRequired[float]
    first: NotRequired[float]
    usage: NotRequired[Usage]
    generation: NotRequired[int]


class RecentRequests:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._rows: deque[RecentRequest] = deque(maxlen=KEPT_REQUESTS)
        self._refused: dict[Cause, RecentRequest] = {}

    def rows(self) -> list[RecentRequest]:
        """Return the kept rows, oldest first."""
        return list(self._rows)

    def begin(self, row: RecentRequest, prefixes: tuple[str, ...]) -> None:
        """Keep the row of a request that asks a model; it is completed while the request is served.

        Args:
            row: The request.
            prefixes: Lower-case prefixes of the headers to keep; without any, nothing is kept.
        """
        if prefixes and row["method"] not in READING:
            self._rows.append(row)

    def keep(self, row: RecentRequest, response_start: Message, prefixes: tuple[str, ...]) -> None:
        """Add the response to a row; keep the row of a request that only reads when it carries a recorded header.

        Args:
            row: The request; its status and headers are added here.
            response_start: The ASGI message `http.response.start`.
            prefixes: Lower-case prefixes of the headers to keep.
        """
        headers: dict[str, str] = {}
        for key, value in response_start.get("headers", ()) if prefixes else ():
            name = key.decode("latin-1").lower()
            if name.startswith(prefixes):
                headers[name] = value.decode("latin-1")
        row["status"], row["headers"] = response_start["status"], {**row.get("headers", {}), **headers}
        if headers and row["method"] in READING:
            self._rows.append(row)

    def keep_refused(self, row: RecentRequest) -> None:
        """Keep the row of a request that was refused by its key; equal refusals share the newest row, with their count.

        Args:
            row: The request and its status.
        """
        same = self._refused.get(_cause(row))
        if same is not None:
            try:
                self._rows.remove(same)
            except ValueError:  # later requests have displaced it
                same = None
        kept: RecentRequest = {**row, "headers": {}, "count": same["count"] + 1 if same else 1}
        self._refused[_cause(row)] = kept
        self._rows.append(kept)


def _cause(row: RecentRequest) -> Cause:
    return row.get("status"), row.get("client"), row.get("refused")


def note_broken_stream(row: RecentRequest, body: bytes) -> None:
    """Note on the attempt that its stream broke off, when a part of the response is an error event.

    Args:
        row: The request.
        body: A part of the response's body; nothing of it is kept.
    """
    attempts = row.get("attempts")
    if attempts and not attempts[-1]["error"] and body.startswith(ERROR_EVENTS):
        attempts[-1]["error"] = BROKEN_STREAM


def begin_row(scope: Scope, public_port: int = 0) -> RecentRequest:
    """Start the row of a request that has just arrived.

    Args:
        scope: The request.
        public_port: Port that clients use; what arrives at another one comes from FlowGate. 0: not known.
    """
    row: RecentRequest = {"path": scope.get("path", ""), "method": scope.get("method", ""), "at": time.time()}
    port = (scope.get("server") or (None, 0))[1]
    if (public_port and port != public_port) or any(name == PROBE_HEADER for name, _ in scope.get("headers", ())):
        row["own"] = True
    return row
