"""The messages between commands, the supervisor, its workers and its fork servers.

A connection is a private Unix socket; a message is one JSON object on one line. Secrets travel in clear between
processes of one user and never reach a disk.

Increase PROTOCOL_VERSION when a message changes its meaning. A client that meets an older supervisor replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Generic, Required, TypedDict, TypeVar, cast

from flowgate.supervisor.program_tree import ProgramTree
from flowgate.supervisor.status_document import StatusDocument

PROTOCOL_VERSION = 1
SOCKET_NAME = "supervisor.sock"  # in `run/` of the runtime folder
LOCK_NAME = "supervisor.lock"  # in the runtime folder; locked by the supervisor, and contains its pid
FOREGROUND = "foreground"  # a word of the command line of a supervisor that a person or a service manager has started
GENERATION_VARIABLE = "FLOWGATE_GENERATION"  # environment variable of a process: the number of its generation
WORKER_VARIABLE = "FLOWGATE_WORKER"  # of one of several workers: "INDEX FOLDER", the folder that they share
MAX_LINE_BYTES, CHUNK_BYTES = 8_000_000, 262_144  # a longer line is not one of our messages


class Request(TypedDict, total=False):
    """A command's request to the supervisor. `verb` says which of the other keys matter."""

    verb: Required[str]
    id: int
    program: ProgramTree
    fresh: bool
    service: str
    services: list[str]
    generation: int
    goal: str
    digest: str
    timeout: float
    seconds: float
    keep: bool


class StoppedGeneration(TypedDict):
    """A generation that was stopped."""

    service: str
    pid: int
    generation: int


class Started(TypedDict):
    """The result of a start. same: the newest generation runs that program already, so nothing was started."""

    generation: int
    same: bool


class Stopped(TypedDict):
    """The result of a stop. killed: pids that had to be killed."""

    stopped: list[StoppedGeneration]
    killed: list[int]


class Reply(TypedDict, total=False):
    """The supervisor's reply to a request.

    Attributes:
        ok: Whether the request was carried out.
        error: Why not; `fix` says what to do, `late`, `failed` and `refused` which kind of failure it is.
        same: Nothing had to be started.
        leaving: The supervisor exits now.
        status: The status document.
    """

    ok: Required[bool]
    id: int | None
    error: str
    fix: str
    late: bool
    failed: bool
    refused: bool
    protocol: int
    supervisor: int
    status: StatusDocument
    same: bool
    generation: int | None
    phase: str
    busy: int
    oldest: float
    stopped: list[StoppedGeneration]
    killed: list[int]
    leaving: bool


class WorkerCommand(TypedDict, total=False):
    """A command to a worker, or to a fork server ("fork", with how many `spares` to have ready for later ones).

    Attributes:
        down: Needed service to why it is down.
        restarting: Needed services that will be back in a moment.
    """

    do: Required[str]
    program: ProgramTree
    seconds: float
    limit: float
    what: str
    down: dict[str, str]
    restarting: list[str]
    spares: int


class WorkerEvent(TypedDict, total=False):
    """What a worker or a fork server reports.

    Attributes:
        open: Number of client connections.
        busy: Number of requests in progress.
        oldest: Age of the oldest of them, in seconds.
        rows: Rows of `recent_requests` or of a query.
    """

    event: Required[str]
    reason: str
    protocol: int
    pid: int
    seconds: float
    open: int
    busy: int
    oldest: float
    cut: int
    state: str
    program: ProgramTree | None
    rows: list[Any]
    error: str


T = TypeVar("T", Request, Reply, WorkerCommand, WorkerEvent)


def encode(message: Mapping[str, object]) -> bytes:
    """Encode one message as a line."""
    return json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n"


class Lines(Generic[T]):
    """Splits a stream of bytes into messages of one kind."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[T]:
        """Return the messages that these bytes complete.

        Raises:
            ValueError: A line is not a JSON object, or it does not end.
        """
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise ValueError("a message without an end")
        messages = [json.loads(line) for line in whole if line.strip()]
        if not all(isinstance(message, dict) for message in messages):
            raise ValueError("a message that is not an object")
        return cast("list[T]", messages)
