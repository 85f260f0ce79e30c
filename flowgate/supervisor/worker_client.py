"""Ask a running worker something over its control socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.supervisor import legacy
from flowgate.supervisor.protocol import CHUNK_BYTES, Lines, WorkerCommand, WorkerEvent, encode
from flowgate.system import sockets

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest

ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A worker's answer.

    Attributes:
        event: The event that answers the command.
        control: The connection, still open.
        listener: The listener that came with the event, if any.
        is_legacy: Whether the worker belongs to an earlier FlowGate.
    """

    event: WorkerEvent
    control: socket.socket
    listener: socket.socket | None
    is_legacy: bool


def ask(path: Path, command: WorkerCommand, awaited: str, timeout: float) -> Answer | None:
    """Send a worker one command and wait for its answer.

    Args:
        path: The worker's control socket.
        command: The command.
        awaited: Name of the event that answers it.
        timeout: Seconds to wait for each part of the answer.

    Returns:
        The answer; None when no worker listens there, or it does not answer.
    """
    control = sockets.connect_unix(path, timeout)
    if control is None:
        return None
    control.settimeout(timeout)
    try:
        answer = _converse(control, command, awaited)
    except (OSError, ValueError):
        answer = None
    if answer is None:
        control.close()
    return answer


def _converse(control: socket.socket, command: WorkerCommand, awaited: str) -> Answer | None:
    """Read the worker's first event, which names its protocol, then send the command and read until the answer."""
    lines, listener = Lines[WorkerEvent](), None
    is_legacy: bool | None = None
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, CHUNK_BYTES, 1)
        listener = socket.socket(fileno=descriptors[0]) if descriptors else listener
        if not data:
            return None
        for event in lines.feed(data):
            if is_legacy is None:
                is_legacy = "protocol" not in event
                control.sendall(encode(legacy.old_command(command) if is_legacy else command))
            current = legacy.current_event(event) if is_legacy else event
            if current["event"] == awaited:
                return Answer(current, control, listener, is_legacy)


def recent_requests(path: Path) -> list[RecentRequest] | None:
    """Return the last requests of a worker; None when no worker listens there, or it does not answer."""
    event = _ask_once(path, {"do": "recent_requests"}, "recent_requests")
    return event["rows"] if event else None


def refusals(path: Path) -> WorkerEvent | None:
    """Return how many requests a worker has refused (`rows`), and why it cannot read the clients' keys (`reason`).

    Args:
        path: The worker's control socket.
    """
    return _ask_once(path, {"do": "refusals"}, "refusals")


def query(path: Path, what: str) -> WorkerEvent | None:
    """Query the inside of a worker.

    Args:
        path: The worker's control socket.
        what: A key of `Program.queries`.

    Returns:
        An event with `rows` or an `error`; None when no worker listens there, or it does not answer.
    """
    return _ask_once(path, {"do": "query", "what": what}, "query_result")


def _ask_once(path: Path, command: WorkerCommand, awaited: str) -> WorkerEvent | None:
    answer = ask(path, command, awaited, ANSWER_SECONDS)
    if answer is None:
        return None
    answer.control.close()
    return answer.event


def control_path(folder: Path, service: str, number: int, index: int = 1) -> Path:
    """Return the path of a worker's control socket.

    Args:
        folder: `run/` of the runtime folder.
        service: Name of the service.
        number: The generation.
        index: Which of its workers.
    """
    return sockets.unix_path(folder, f"{stem(service, number, index)}.sock")


def stem(service: str, number: int, index: int = 1) -> str:
    """Return the names of a worker's files without what follows the last dot."""
    return f"{service}-{number}" if index == 1 else f"{service}-{number}.{index}"
