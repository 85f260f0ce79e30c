"""One running generation: its process, its sockets, and the file that lets a later keeper find it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor.protocol import Lines, Message, encode, to_tree
from flowgate.system import files, processes, sockets, subreaper
from flowgate.system.processes import Identity

GENERATION = "FLOWGATE_GENERATION"  # tells a process its number; an app's answers carry it
Fork = Callable[[Program, Collection[int], Mapping[str, str]], Identity | None]


@dataclass(slots=True)
class Running:
    """A generation's process.

    Attributes:
        process: As it was started; None when it was forked by a nursery.
        control: The connection to the child, None for an ordinary program.
        door: The private (host, port) that only this generation answers.
        reported: Why its start failed, in its own words.
        members: The tree as it was when it was asked to leave.
        drained_since: When it was told to drain.
        accepts: False once it has said that it accepts no more.
    """

    program: Program
    number: int
    process: subprocess.Popen[bytes] | None
    identity: Identity
    started: float
    private_address: tuple[str, int]
    record: Path
    control: socket.socket | None = None
    lines: Lines = field(default_factory=Lines)
    reported: str = ""
    killed: bool = False
    members: list[Identity] = field(default_factory=list)
    drained_since: float | None = None
    accepts: bool = True
    open_connections: int | None = None
    under_way: int | None = None
    oldest: float = 0.0
    counted_at: float = 0.0

    def say(self, do: str, **more: float) -> None:
        """Tell the child something; one that has died hears nothing, and its death is an event of its own."""
        if self.control is not None:
            try:
                self.control.sendall(encode({"do": do, **more}))
            except OSError:
                return

    def hear(self) -> list[Message] | None:
        """Give what the child said; None when the connection is gone."""
        if self.control is None:
            return None
        try:
            data = self.control.recv(65536)
            return self.lines.feed(data) if data else None
        except (OSError, ValueError):
            return None

    def terminate(self) -> None:
        """Ask the whole group to leave; remember its tree, which falls apart when its root goes first."""
        self.members = processes.tree(self.identity)
        processes.signal_group(self.identity, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole tree."""
        self.killed = True
        processes.signal_tree([*self.members, *processes.tree(self.identity)], signal.SIGKILL)

    def has_ended(self) -> bool:
        """Say whether the process is over, leaving it unreaped: its number stays taken until the tree is swept."""
        ended = subreaper.has_ended(self.identity.pid)
        if ended is not None:
            return ended
        # No child of ours, or a system that cannot tell.
        return not processes.alive(self.identity) if self.process is None else self.process.poll() is not None

    def bury(self) -> str:
        """Kill what the process left behind, reap it, remove its record.

        Returns:
            How it ended, in words.
        """
        members = {*self.members, *processes.tree(self.identity)}
        leftovers = [one for one in members if one.pid != self.identity.pid]
        processes.signal_tree(leftovers, signal.SIGKILL)
        code = subreaper.reap(self.identity.pid) if self.process is None else self.process.wait()
        self.record.unlink(missing_ok=True)
        control_path(self.record.parent, self.program.service, self.number).unlink(missing_ok=True)
        return self.reported or ending(code)


def ending(code: int | None) -> str:
    """Put an exit code into words; None when nobody told us."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def control_path(folder: Path, service: str, number: int) -> Path:
    """Say where a generation's control socket lies."""
    return sockets.unix_path(folder, f"{service}-{number}.sock")


def launch(
    program: Program, number: int, folder: Path, public: Callable[[], socket.socket], fork: Fork, now: float
) -> Running:
    """Start a program as a new generation.

    Args:
        folder: Where records and control sockets live.
        public: Gives the lent socket; asked only for an app.
        fork: Forks an app's generation; gives None when it has to be started as a process of its own.

    Raises:
        ProgramMissing: See the message.
        DiskError: See the message.
    """
    files.make_private_folder(program.cwd)
    files.make_private_folder(program.log.parent)
    for path, text in program.documents:
        if files.read_text_or_none(path) is None:  # deleted under a running stack: the program needs it to come up
            files.write_atomic(path, text)
    env = {name: value.reveal() for name, value in program.env.items()}
    env[GENERATION] = str(number)
    record = folder / f"{program.service}-{number}.json"
    if program.app is None:
        process = processes.spawn(program.argv, cwd=program.cwd, env=env, output=program.log)
        return _recorded(
            Running(program, number, process, _identity(process), now, (program.host, program.port), record)
        )
    return _recorded(_launch_app(program, number, folder, public(), fork, env, record, now))


def _launch_app(
    program: Program,
    number: int,
    folder: Path,
    public: socket.socket,
    fork: Fork,
    env: dict[str, str],
    record: Path,
    now: float,
) -> Running:
    path = control_path(folder, program.service, number)
    with sockets.listen_unix(path) as control, sockets.listen("127.0.0.1", 0) as private_address:
        fds = (control.fileno(), private_address.fileno(), public.fileno())
        identity, process = fork(program, fds, env), None
        if identity is None:
            argv = (*program.argv, "--fds", ",".join(map(str, fds)), "--app", program.app or "")
            process = processes.spawn(argv, cwd=program.cwd, env=env, output=program.log, pass_fds=fds)
            identity = _identity(process)
        address = private_address.getsockname()[:2]
        connection = sockets.connect_unix(path, 1.0)  # waits in the queue until the child has imported its app
    if connection is None:
        processes.signal_tree([identity], signal.SIGKILL)
        raise FlowGateError(f"the control socket {path} of {program.service} could not be reached")
    connection.sendall(encode({"do": "remember", "program": to_tree(program, secrets=True)}))
    connection.setblocking(False)
    return Running(program, number, process, identity, now, address, record, connection)


def _identity(process: subprocess.Popen[bytes]) -> Identity:
    """Name the process; one that has ended already is still unreaped, so it can be named."""
    return processes.identify(process.pid) or Identity(process.pid, 0)


def _recorded(running: Running) -> Running:
    record = {
        **to_tree(running.program, secrets=False),
        "number": running.number,
        "pid": running.identity.pid,
        "ticks": running.identity.ticks,
        "private_address": list(running.private_address),
        "names": sorted(running.program.env),
        "paths": [str(path) for path, _ in running.program.documents],
    }
    files.write_atomic(running.record, json.dumps(record))
    return running
