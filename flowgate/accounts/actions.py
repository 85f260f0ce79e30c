"""Actions of a conversation with CLIProxyAPIPlus, and the results that are sent back.

A conversation is a generator: it yields actions, receives their results, and returns its own result. It does no I/O.
`LoginDriver` carries out the actions.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from flowgate.errors import StepContractError

T = TypeVar("T")
MANAGEMENT = "/v0/management"
Key = Literal["management", "client", "none"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """Send a request to CLIProxyAPIPlus; the result is a `Response`.

    Attributes:
        method: GET, POST or DELETE.
        path: Path on the server ("/v0/management/auth-files").
        query: Query parameters.
        body: Fields of a JSON body, for POST.
        key: Which key to send: the management key, the key that LiteLLM uses as a client, or none.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None
    key: Key = "management"


@dataclass(frozen=True, slots=True)
class ShowUrl:
    """Show the user the URL where the login continues; it has no result.

    Attributes:
        url: The URL to open.
        code: The code to enter there; empty if none.
        needs_paste: The browser cannot reach the callback port, so the user must paste its last URL here.
    """

    url: str
    code: str = ""
    needs_paste: bool = False


@dataclass(frozen=True, slots=True)
class ShowMessage:
    """Show the user a message; it has no result."""

    text: str


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait; the result is a `WaitResult`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadAccountFile:
    """Read an account's file in the auth folder; the result is its JSON value, or None if there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class FindPortOwner:
    """Find the process that listens on a local port; the result is a description of it."""

    port: int


@dataclass(frozen=True, slots=True)
class Response:
    """The server's response.

    Attributes:
        status: HTTP status; 0 if no response was received.
        headers: Headers, with names in lower case.
        body: The body parsed as JSON; None if it is not JSON.
        text: The body as text.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str

    def field(self, name: str) -> str:
        """Return a top-level field of the JSON body as text; empty if it is absent."""
        return str(self.body.get(name) or "") if isinstance(self.body, dict) else ""

    def ids(self, name: str) -> list[str]:
        """Return the `id` of each object in a list of the JSON body ("models", "data")."""
        rows = self.body.get(name) if isinstance(self.body, dict) else None
        return [str(row.get("id")) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


@dataclass(frozen=True, slots=True)
class WaitResult:
    """The state after a wait.

    Attributes:
        elapsed: Seconds since the conversation began.
        now: The time of day.
        typed: The line that the user typed meanwhile; empty if none.
    """

    elapsed: float
    now: datetime
    typed: str = ""


Action = HttpRequest | ShowUrl | ShowMessage | WaitFor | ReadAccountFile | FindPortOwner
Conversation = Generator[Action, object, T]


def get(path: str, query: Mapping[str, str] | None = None, *, key: Key = "management") -> Conversation[Response]:
    """Send a GET request and return the response."""
    return _expect(Response, (yield HttpRequest("GET", path, query or {}, key=key)))


def post(path: str, body: Mapping[str, str]) -> Conversation[Response]:
    """Send a POST request to the management API and return the response."""
    return _expect(Response, (yield HttpRequest("POST", path, body=body)))


def wait(seconds: float) -> Conversation[WaitResult]:
    """Wait, and return the state afterwards."""
    return _expect(WaitResult, (yield WaitFor(seconds)))


def find_port_owner(port: int) -> Conversation[str]:
    """Return a description of the process that listens on a local port."""
    return _expect(str, (yield FindPortOwner(port)))


def _expect(kind: type[T], result: object) -> T:
    if not isinstance(result, kind):
        raise StepContractError(f"a conversation received {type(result).__name__} instead of {kind.__name__}")
    return result
