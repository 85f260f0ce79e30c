"""One process of a generation, as the supervisor sees it."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain import Program
from flowgate.supervisor import legacy
from flowgate.supervisor.protocol import Lines, WorkerCommand, WorkerEvent, encode
from flowgate.supervisor.worker_client import control_path
from flowgate.system import files, processes, subreaper
from flowgate.system.processes import Identity


@dataclass(slots=True)
class WorkerProcess:
    """One process of a generation.

    Attributes:
        private_address: (host, port) that only this process serves.
        record: File through which a later supervisor finds the process.
        control: Connection to the worker; None for a program that binds its own port.
        index: Which of the workers of its generation it is; the first is 1, and no index is used twice.
        phase: starting, ready, serving, draining or stopping, as far as it has said so.
        joins: It was started for a generation that served already.
        replaces: Index of the worker that drains once this one serves.
        successor: Index of the worker that was started to replace this one.
        is_retired: Another worker has replaced it.
        is_forked: Whether a fork server forked it.
        is_legacy: Whether the worker belongs to an earlier FlowGate and uses the old words.
        unsent: Commands that the connection could not take yet; see `flush`.
        exit_reason: Why it ended, in its own words.
        killed: Whether it had to be killed.
        members: Its process tree at the time of SIGTERM.
        drained_since: When it received `drain`.
        accepts: False once it has reported that it accepts no more connections.
        under_way: Number of requests in progress, as last reported.
        oldest: Age of the oldest of them, in seconds.
        counted_at: When these numbers were reported.
        asked_at: When it was asked for a sign of life; None when nothing is unanswered.
        asked_cpu: The seconds of processor time that it had used then.
        answered_at: When it last answered.
    """

    program: Program
    number: int
    identity: Identity
    started: float
    private_address: tuple[str, int]
    record: Path
    control: socket.socket | None = None
    index: int = 1
    phase: str = "starting"
    joins: bool = False
    replaces: int | None = None
    successor: int | None = None
    is_retired: bool = False
    is_forked: bool = False
    is_legacy: bool = False
    unsent: bytes = b""
    lines: Lines[WorkerEvent] = field(default_factory=Lines)
    exit_reason: str = ""
    killed: bool = False
    members: list[Identity] = field(default_factory=list)
    drained_since: float | None = None
    accepts: bool = True
    open_connections: int | None = None
    under_way: int | None = None
    oldest: float = 0.0
    counted_at: float = 0.0
    asked_at: float | None = None
    asked_cpu: float = 0.0
    answered_at: float = 0.0

    @property
    def key(self) -> tuple[str, int, int]:
        """Service, generation and index."""
        return self.program.service, self.number, self.index

    @property
    def counts(self) -> bool:
        """Whether it is one of those that its generation needs: neither replaced, nor there to replace another."""
        return not self.is_retired and self.replaces is None

    @property
    def can_be_asked(self) -> bool:
        """Whether it can be asked for a sign of life: a worker of ours, or a program that answers pings."""
        return self.control is not None or (self.program.app is None and self.program.answers_pings)

    def send(self, command: WorkerCommand) -> None:
        """Send the worker a command, without waiting for it; see `flush`."""
        self.unsent += encode(legacy.old_command(command) if self.is_legacy else command)
        self.flush()

    def flush(self) -> bool:
        """Send what the connection takes now; return whether something is left.

        A worker reads nothing while it imports its app, and a large program does not fit into the buffer. The death of
        a worker is an event of its own, so a failure is ignored.
        """
        try:
            while self.unsent and self.control is not None:
                self.unsent = self.unsent[self.control.send(self.unsent) :]
        except BlockingIOError:
            return True
        except OSError:
            self.unsent = b""
        return False

    def receive(self) -> list[WorkerEvent] | None:
        """Return the events that have arrived; None when the connection is closed."""
        if self.control is None:
            return None
        try:
            data = self.control.recv(65536)
            return self.lines.feed(data) if data else None
        except (OSError, ValueError):
            return None

    def note(self, event: WorkerEvent, now: float) -> None:
        """Note what the worker has reported about itself.

        Args:
            event: The event.
            now: The time by the supervisor's clock.
        """
        match event.get("event"):
            case "draining":
                self.accepts = False
            case "failed" | "cut":
                self.exit_reason = event.get("reason") or ""
            case "query_result" | "told":  # the second from a worker of an earlier FlowGate
                self.asked_at, self.answered_at = None, now
            case "count":
                self.open_connections, self.under_way = event["open"], event["busy"]
                self.oldest, self.counted_at = event["oldest"], now

    def drain(self, now: float, seconds: float) -> None:
        """Let it accept no more connections, and end after the requests in progress.

        Args:
            now: The time by the supervisor's clock.
            seconds: When to cut the remaining requests.
        """
        self.phase, self.drained_since = "draining", now
        self.send({"do": "drain", "seconds": seconds})

    def terminate(self) -> None:
        """Send SIGTERM to the process group; note the process tree, which falls apart when its root exits first."""
        self.phase = "stopping"
        self.members = processes.tree(self.identity)
        processes.signal_group(self.identity, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole process tree."""
        self.killed = True
        processes.signal_tree([*self.members, *processes.tree(self.identity)], signal.SIGKILL)

    def has_ended(self) -> bool:
        """Return whether the process has ended. It is not reaped: its pid stays taken until the tree is killed."""
        ended = subreaper.has_ended(self.identity.pid)
        # None: not a child of this process, or a system that cannot tell.
        return not processes.alive(self.identity) if ended is None else ended

    def clean_up(self) -> str:
        """Kill what the ended process left behind, reap it, and remove its record and its control socket.

        Returns:
            How it ended, in words.
        """
        members = {*self.members, *processes.tree(self.identity)}
        leftovers = [one for one in members if one.pid != self.identity.pid]
        processes.signal_tree(leftovers, signal.SIGKILL)
        code = subreaper.reap(self.identity.pid)
        files.discard(self.record)
        files.discard(control_path(self.record.parent, *self.key))
        return self.exit_reason or describe_exit(code)


def describe_exit(code: int | None) -> str:
    """Describe an exit code; None when it is not known."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
