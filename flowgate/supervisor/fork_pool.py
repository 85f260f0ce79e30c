"""The keeper's side of the nurseries: keep one for each set of imports, and have generations forked from it.

A nursery imports for seconds: a generation that is wanted meanwhile is *expected*, and born when it is ready. Where
forking is not safe, or a nursery fails, a generation is a process of its own that imports the app itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field

from flowgate.domain import ForkServerSettings, Program
from flowgate.errors import FlowGateError
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.protocol import Lines, Message, encode
from flowgate.system import files, processes
from flowgate.system.processes import Identity

FORK_SECONDS = 3.0  # a nursery that takes longer is stuck
IMPORT_SECONDS = 60.0  # one that imports longer is stuck
LEAVE_SECONDS = 2.0
WAITS = (0.0, 1.0, 5.0, 30.0)  # seconds before one that ended is replaced: after the 1st, 2nd, … end in a row

Key = tuple[str, int]


@dataclass(slots=True)
class ForkServer:
    """One nursery.

    Attributes:
        state: Importing, ready, refused (it may not fork) or gone.
        ends: How often in a row one with these imports has ended.
        due: When another may take the place of one that is gone.
    """

    process: subprocess.Popen[bytes]
    identity: Identity
    channel: socket.socket
    started: float
    state: str = "importing"
    ends: int = 0
    due: float = 0.0
    lines: Lines = field(default_factory=Lines)


def name(program: Program) -> str:
    """Name the nursery a program is to be forked from: what it imports, and out of which environment."""
    fork_server = program.fork_server or ForkServerSettings(())
    parts = [list(program.argv), fork_server.imports, fork_server.fork_guard, _seen(program), fork_server.environment]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _seen(program: Program) -> dict[str, str]:
    names = program.fork_server.import_variables if program.fork_server else ()
    return {variable: program.env[variable].reveal() for variable in names if variable in program.env}


class ForkPool:
    """The nurseries of one keeper, and the generations that are expected of them.

    Attributes:
        able: Whether this system lets us fork generations at all.
        born: Told of an expected generation when it can be launched.
    """

    def __init__(self, loop: Loop, able: bool, say: Callable[[str], None], born: Callable[[Key], None]) -> None:
        self.loop, self.able, self.say, self.born = loop, able, say, born
        self.wards: dict[str, ForkServer] = {}
        self.expected: dict[Key, str] = {}

    # --- for the caretaker

    def must_wait(self, key: Key, program: Program) -> bool:
        """Expect a generation whose nursery is still importing; start that nursery when there is none."""
        if not self.able or program.fork_server is None:
            return False
        named = name(program)
        ward = self.wards.get(named)
        if self._is_missing(named):
            ward = self._found(named, program, ends=ward.ends if ward else 0)
        if ward is None or ward.state != "importing":
            return False
        self.expected[key] = named
        return True

    def forget(self, key: Key) -> bool:
        """Expect a generation no longer; say whether it was expected."""
        return self.expected.pop(key, None) is not None

    def fork(self, program: Program, descriptors: Collection[int], env: Mapping[str, str]) -> Identity | None:
        """Fork a generation.

        Args:
            descriptors: Control, door, public.

        Returns:
            Its process; None when no nursery can do it now.
        """
        ward = self.wards.get(name(program)) if program.fork_server else None
        if ward is None or ward.state != "ready":
            return None
        letter = {"app": program.app, "env": dict(env), "cwd": str(program.cwd)}
        ours, theirs = socket.socketpair()
        with ours, theirs, os.fdopen(processes.open_log(program.log), "ab") as log:
            try:
                pid = self._ask(ward, [*descriptors, log.fileno(), theirs.fileno()])
                ours.settimeout(FORK_SECONDS)
                ours.sendall(encode(letter))
            except (OSError, ValueError) as fault:
                self.say(f"the nursery {ward.identity.pid} forks no more: {fault}; taken down")
                self._ended(ward)
                return None
        return processes.identify(pid) or Identity(pid, 0)

    def keep(self, wanted: Mapping[str, Program]) -> None:
        """Let only these nurseries be, and start those of them that are missing.

        Args:
            wanted: Name → a program that is forked from it.
        """
        for named in [named for named in self.wards if named not in wanted]:
            ward = self.wards.pop(named)
            self.say(f"the nursery {ward.identity.pid} is not needed any more")
            self._lose(ward)
        if self.able:
            for named, program in wanted.items():
                if self._is_missing(named):
                    self._found(named, program, ends=self.wards[named].ends if named in self.wards else 0)

    def _is_missing(self, named: str) -> bool:
        ward = self.wards.get(named)
        return ward is None or (ward.state == "gone" and self.loop.clock.now() >= ward.due)

    def pids(self) -> set[int]:
        """Name the nurseries' processes."""
        return {ward.identity.pid for ward in self.wards.values()}

    def close(self) -> None:
        """End every nursery."""
        for ward in self.wards.values():
            self._lose(ward)

    # --- a nursery's life

    def _found(self, named: str, program: Program, ends: int) -> ForkServer | None:
        assert program.fork_server is not None
        files.make_private_folder(program.cwd)
        ours, theirs = socket.socketpair()
        env = _seen(program)
        argv = (*program.argv, "--fork-server", str(theirs.fileno()))
        try:
            with theirs:
                process = processes.spawn(
                    argv, cwd=program.cwd, env=env, output=program.log, pass_fds=(theirs.fileno(),)
                )
        except FlowGateError as error:
            ours.close()
            self.say(f"no nursery: {error.what}")
            return None
        identity = processes.identify(process.pid) or Identity(process.pid, 0)
        ward = ForkServer(process, identity, ours, self.loop.clock.now(), ends=ends)
        self.wards[named] = ward
        ours.sendall(encode({"app": program.app, **asdict(program.fork_server)}))
        self.say(f"{program.service}: a nursery imports as process {identity.pid}")
        self.loop.watch(ours, lambda: self._hear(named, ward))
        self.loop.after(IMPORT_SECONDS, lambda: self._late(named, ward))
        return ward

    def _hear(self, named: str, ward: ForkServer) -> None:
        messages = self._receive(ward)
        for message in messages or ():
            match message.get("event"):
                case "ready":
                    ward.state = "ready"
                    self.say(f"the nursery {ward.identity.pid} is ready after {message.get('seconds')} s")
                case "refused":
                    ward.state = "refused"
                    self.say(f"the nursery {ward.identity.pid} may not fork: {message.get('reason')}")
        if messages is None:
            self._ended(ward)
        if ward.state != "importing":
            self._deliver(named)

    def _receive(self, ward: ForkServer) -> list[Message] | None:
        try:
            data = ward.channel.recv(65536)
            return ward.lines.feed(data) if data else None
        except (OSError, ValueError):
            return None

    def _deliver(self, named: str) -> None:
        for key in [key for key, of in self.expected.items() if of == named]:
            del self.expected[key]
            self.born(key)

    def _late(self, named: str, ward: ForkServer) -> None:
        if ward.state == "importing" and self.wards.get(named) is ward:
            self.say(f"the nursery {ward.identity.pid} was not ready within {IMPORT_SECONDS:g} s")
            self._ended(ward)
            self._deliver(named)

    def _ended(self, ward: ForkServer) -> None:
        """Note that a nursery ended by itself, and when another may take its place."""
        lasted = self.loop.clock.now() - ward.started
        ward.ends = 1 if ward.state == "ready" and lasted > IMPORT_SECONDS else ward.ends + 1
        wait = WAITS[ward.ends - 1] if ward.ends <= len(WAITS) else math.inf
        ward.due = self.loop.clock.now() + wait
        if ward.state != "refused":
            then = f"another one takes its place in {wait:g} s" if wait < math.inf else "given up: it has too often"
            self.say(f"the nursery {ward.identity.pid} ended; {then}")
        self._lose(ward)

    def _lose(self, ward: ForkServer) -> None:
        if ward.state != "refused":
            ward.state = "gone"
        processes.signal_tree([ward.identity], signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            ward.process.wait(LEAVE_SECONDS)
        self.loop.forget(ward.channel)

    def _ask(self, ward: ForkServer, descriptors: list[int]) -> int:
        """Ask for a newborn; give its pid."""
        ward.channel.settimeout(FORK_SECONDS)
        socket.send_fds(ward.channel, [encode({"do": "fork"})], descriptors)
        while True:
            messages = self._receive(ward)
            if messages is None:
                raise OSError("it ended, or did not answer in time")
            for message in messages:
                if message.get("event") == "stillborn":
                    raise OSError(str(message.get("reason")))
                if message.get("event") == "born":
                    return int(message["pid"])
