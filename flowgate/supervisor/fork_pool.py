"""The supervisor's pool of fork servers: one for each set of imports.

A fork server imports for seconds. A worker that is requested meanwhile is queued and started when the fork server is
ready. Where forking is unsafe, or a fork server fails, the worker is a process that imports the app itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import signal
import socket
import subprocess
from collections.abc import Callable, Collection, Mapping

from flowgate.domain import ForkServerSettings, Program
from flowgate.errors import FlowGateError
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_channel import ForkServer, Record, fork_worker
from flowgate.supervisor.program_tree import ForkServerSpec, fork_server_tree
from flowgate.supervisor.protocol import encode
from flowgate.system import files, processes
from flowgate.system.processes import Identity

IMPORT_SECONDS, EXIT_SECONDS = 60.0, 2.0  # a fork server that takes longer to import is stuck
RESTART_WAITS = (0.0, 1.0, 5.0, 30.0)  # seconds before a fork server is replaced, after its 1st, 2nd, … end in a row

Key = tuple[str, int]  # service and number: a generation
WorkerKey = tuple[str, int, int]  # and the index of one process of it


def fork_server_id(program: Program) -> str:
    """Identify the fork server of a program by what it imports, and from which environment."""
    settings = program.fork_server or ForkServerSettings(())
    variables = _import_environment(program)
    parts = [list(program.argv), settings.imports, settings.fork_guard, variables, settings.environment]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _import_environment(program: Program) -> dict[str, str]:
    names = program.fork_server.import_variables if program.fork_server else ()
    return {name: program.env[name].reveal() for name in names if name in program.env}


class ForkPool:
    """The fork servers of one supervisor, and the workers that wait for them.

    Attributes:
        enabled: Whether this system supports forking workers.
        servers: Fork servers by `fork_server_id`.
    """

    def __init__(self, loop: Loop, enabled: bool, log: Callable[[str], None], launch: Callable[..., None]) -> None:
        """Create an empty pool.

        Args:
            loop: The supervisor's event loop.
            enabled: Whether this system supports forking workers.
            log: Writes a line into the supervisor's log.
            launch: Called for a waiting worker when it can be started.
        """
        self.loop, self.enabled, self.log, self.launch = loop, enabled, log, launch
        self.servers: dict[str, ForkServer] = {}
        self._waiting: dict[WorkerKey, str] = {}
        self._reserved: dict[str, tuple[Program, float]] = {}

    # --- for the supervisor

    def must_wait(self, key: WorkerKey, program: Program) -> bool:
        """Queue a worker whose fork server is still importing, and return True; start the fork server if needed."""
        if not self.enabled or program.fork_server is None:
            return False
        name = fork_server_id(program)
        self._start_if_missing(name, program)
        server = self.servers.get(name)
        if server is None or server.state != "importing":
            return False
        self._waiting[key] = name
        return True

    def cancel(self, key: WorkerKey) -> bool:
        """Remove a worker from the queue; return whether it was queued."""
        return self._waiting.pop(key, None) is not None

    def fork(
        self,
        program: Program,
        descriptors: Collection[int],
        env: Mapping[str, str],
        record: Record,
    ) -> Identity | None:
        """Fork a worker.

        Args:
            program: The worker's program.
            descriptors: Control socket, private and public listener.
            env: The worker's environment.
            record: Records the process, which does nothing before it gets its settings.

        Returns:
            Its process; None when no fork server can do it now.

        Raises:
            DiskError: It could not be recorded, and was killed.
        """
        server = self.servers.get(fork_server_id(program)) if program.fork_server else None
        if server is None or server.state != "ready":
            return None
        try:
            return fork_worker(server, program, descriptors, env, record)
        except (OSError, ValueError) as fault:
            self.log(f"fork server {server.identity.pid} cannot fork: {fault}; stopped")
            self._schedule_restart(server)
            return None

    def reserve(self, program: Program, seconds: float) -> str:
        """Keep the fork server of a program for some time, although nothing that runs needs it.

        Args:
            program: The program.
            seconds: How long; 0 ends an earlier reservation.

        Returns:
            The state of the fork server; empty where none can be used.
        """
        if not self.enabled or program.fork_server is None:
            return ""
        name = fork_server_id(program)
        if seconds <= 0:
            self._reserved.pop(name, None)
            return ""
        self._start_if_missing(name, program)
        if name in self.servers:  # else its program is missing
            self._reserved[name] = (program, self.loop.clock.now() + seconds)
        return self.state(program)

    def state(self, program: Program) -> str:
        """Return the state of a program's fork server; empty if there is none."""
        server = self.servers.get(fork_server_id(program))
        return server.state if server else ""

    def keep(self, wanted: Mapping[str, Program]) -> None:
        """Stop all fork servers but the wanted ones (by `fork_server_id`), and start those that are missing.

        Reserved ones are wanted too, as long as any other is.
        """
        kept = {name: one for name, one in self._reserved.items() if wanted and one[1] > self.loop.clock.now()}
        self._reserved = {name: one for name, one in kept.items() if name in self.servers}
        wanted = {**{name: program for name, (program, _) in self._reserved.items()}, **wanted}
        for name in [name for name in self.servers if name not in wanted]:
            server = self.servers.pop(name)
            self.log(f"fork server {server.identity.pid} is not needed any more")
            self._stop(server)
        if self.enabled:
            for name, program in wanted.items():
                self._start_if_missing(name, program)

    def replace(self, server: ForkServer, why: str) -> None:
        """Stop a fork server that does nothing; the generations that wait for it are started without it."""
        self.log(f"fork server {server.identity.pid}: {why}")
        self._schedule_restart(server)
        for name in [name for name, known in self.servers.items() if known is server]:
            self._launch_waiting(name)

    def pids(self) -> set[int]:
        """Return the pids of the fork servers."""
        return {server.identity.pid for server in self.servers.values()}

    def close(self) -> None:
        """Stop every fork server."""
        for server in self.servers.values():
            self._stop(server)

    # --- the life of a fork server

    def _start_if_missing(self, name: str, program: Program) -> None:
        known = self.servers.get(name)
        if known is None or (known.state == "gone" and self.loop.clock.now() >= known.restart_at):
            self._start(name, program, ends=known.ends if known else 0)

    def _start(self, name: str, program: Program, ends: int) -> None:
        assert program.fork_server is not None
        assert program.app is not None
        folder = program.log.parent  # the warm-up writes a file into it; `cwd` may be a folder of the user
        files.make_private_folder(folder)
        ours, theirs = socket.socketpair()
        argv = (*program.argv, "--fork-server", str(theirs.fileno()))
        env = _import_environment(program)
        try:
            with theirs:
                process = processes.spawn(argv, cwd=folder, env=env, output=program.log, pass_fds=(theirs.fileno(),))
        except FlowGateError as error:
            ours.close()
            self.log(f"the fork server did not start: {error.what}")
            return
        identity = processes.identify(process.pid) or Identity(process.pid, 0)
        server = ForkServer(process, identity, ours, self.loop.clock.now(), ends=ends)
        self.servers[name] = server
        spec: ForkServerSpec = {**fork_server_tree(program.fork_server), "app": program.app}
        ours.sendall(encode(spec))
        self.log(f"{program.service}: fork server {identity.pid} started; it imports the app")
        self.loop.watch(ours, lambda: self._read(name, server))
        self.loop.after(IMPORT_SECONDS, lambda: self._check_import_time(name, server))

    def _read(self, name: str, server: ForkServer) -> None:
        events = server.receive()
        for event in events or ():
            match event.get("event"):
                case "ready":
                    server.state = "ready"
                    self.log(f"fork server {server.identity.pid} is ready after {event.get('seconds')} s")
                case "refused":
                    server.state = "refused"
                    self.log(f"fork server {server.identity.pid} cannot fork safely: {event.get('reason')}")
        if events is None:
            self._schedule_restart(server)
        if server.state != "importing":
            self._launch_waiting(name)

    def _launch_waiting(self, name: str) -> None:
        for key in [key for key, wanted in self._waiting.items() if wanted == name]:
            del self._waiting[key]
            self.launch(key)

    def _check_import_time(self, name: str, server: ForkServer) -> None:
        if server.state == "importing" and self.servers.get(name) is server:
            self.log(f"fork server {server.identity.pid} was not ready within {IMPORT_SECONDS:g} s")
            self._schedule_restart(server)
            self._launch_waiting(name)

    def _schedule_restart(self, server: ForkServer) -> None:
        """Stop a fork server that failed, and set when another may replace it."""
        lasted = self.loop.clock.now() - server.started
        server.ends = 1 if server.state == "ready" and lasted > IMPORT_SECONDS else server.ends + 1
        wait = RESTART_WAITS[server.ends - 1] if server.ends <= len(RESTART_WAITS) else math.inf
        server.restart_at = self.loop.clock.now() + wait
        if server.state != "refused":
            then = f"replaced in {wait:g} s" if wait < math.inf else f"not replaced: it ended {server.ends} times"
            self.log(f"fork server {server.identity.pid} ended; {then}")
        self._stop(server)

    def _stop(self, server: ForkServer) -> None:
        if server.state != "refused":
            server.state = "gone"
        processes.signal_tree([server.identity], signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(EXIT_SECONDS)
        self.loop.forget(server.channel)
