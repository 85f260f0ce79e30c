"""One fork server as the supervisor sees it: its process, its channel, and the request for a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from flowgate.domain import Program
from flowgate.supervisor.protocol import Lines, WorkerEvent, encode
from flowgate.system import processes
from flowgate.system.processes import Identity

FORK_SECONDS = 3.0  # a fork server that takes longer to fork is stuck

Record = Callable[[Identity], object]


@dataclass(slots=True)
class ForkServer:
    """One fork server.

    Attributes:
        state: importing, ready, refused (forking is unsafe) or gone.
        ends: How often in a row a fork server with these imports has ended.
        restart_at: When it may be replaced, once it is gone.
    """

    process: subprocess.Popen[bytes]
    identity: Identity
    channel: socket.socket
    started: float
    state: str = "importing"
    ends: int = 0
    restart_at: float = 0.0
    lines: Lines[WorkerEvent] = field(default_factory=Lines)

    def receive(self) -> list[WorkerEvent] | None:
        """Return the events that have arrived; None when the fork server has ended."""
        try:
            data = self.channel.recv(65536)
            return self.lines.feed(data) if data else None
        except (OSError, ValueError):
            return None


def fork_worker(
    server: ForkServer, program: Program, descriptors: Collection[int], env: Mapping[str, str], record: Record
) -> Identity:
    """Let a fork server fork a worker, record it, then send it its settings; without them it ends by itself.

    Args:
        server: The fork server.
        program: The worker's program.
        descriptors: Control socket, private and public listener.
        env: The worker's environment.
        record: Records the process.

    Returns:
        The process.

    Raises:
        OSError: The fork server cannot fork, or takes too long.
        ValueError: It does not answer in the protocol.
        DiskError: The worker could not be recorded, and was killed.
    """
    settings = {"app": program.app, "env": dict(env), "cwd": str(program.cwd)}
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(processes.open_log(program.log), "ab") as log:
        pid = _request_fork(server, [*descriptors, log.fileno(), theirs.fileno()], program.workers)
        identity = processes.identify(pid) or Identity(pid, 0)
        try:
            record(identity)
            ours.settimeout(FORK_SECONDS)
            ours.sendall(encode(settings))
        except BaseException:
            processes.signal_tree([identity], signal.SIGKILL)  # reaped like every unknown child
            raise
    return identity


def _request_fork(server: ForkServer, descriptors: list[int], spares: int) -> int:
    """Request a worker; return its pid."""
    server.channel.settimeout(FORK_SECONDS)
    socket.send_fds(server.channel, [encode({"do": "fork", "spares": spares})], descriptors)
    while True:
        events = server.receive()
        if events is None:
            raise OSError("it ended, or did not respond in time")
        for event in events:
            if event.get("event") == "fork_failed":
                raise OSError(event.get("reason"))
            if event.get("event") == "forked":
                return event["pid"]
