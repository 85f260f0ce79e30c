"""The processes and public listeners of one supervisor: what they report becomes events."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor import worker_group
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool, Key, WorkerKey
from flowgate.supervisor.launch import Launcher
from flowgate.supervisor.probe import Probe
from flowgate.supervisor.reaping import Reaping
from flowgate.supervisor.replacements import Replacements
from flowgate.supervisor.service_state import (
    Cut,
    Died,
    Drain,
    Event,
    Kill,
    Open,
    Opened,
    Ready,
    Terminate,
    WorkerLost,
)
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import processes, sockets, subreaper

FLUSH_SECONDS = 0.05  # between two tries to send what a worker's connection could not take
REAP_SECONDS = (0.005, 0.05, 0.3)  # after the end of a worker's connection: when its process should have ended

Command = Open | Drain | Cut | Terminate | Kill


class WorkerPool:
    """Processes and public listeners.

    Attributes:
        workers: (service, number, index) to one process of that generation. listeners: (host, port) to the public one.
        launched: Processes started since memory was last trimmed.
    """

    def __init__(
        self,
        folder: Path,
        loop: Loop,
        log: Callable[[str], None],
        enqueue: Callable[[str, Event], None],
        advance: Callable[[], None],
    ) -> None:
        """Create an empty pool.

        Args:
            folder: `run/` of the runtime folder.
            loop: The event loop.
            log: Writes a line into the supervisor's log.
            enqueue: Adds an event of a service to the queue.
            advance: Processes the queue.
        """
        self._loop, self._log, self._enqueue, self._advance = loop, log, enqueue, advance
        self.workers: dict[WorkerKey, WorkerProcess] = {}
        self.listeners: dict[tuple[str, int], socket.socket] = {}
        self.fork_pool = ForkPool(loop, subreaper.adopt_orphans(), log, self._launch_waiting)
        self._launcher = Launcher(folder, self._public_listener, self.fork_pool.fork)
        self._waiting: dict[WorkerKey, Program] = {}
        self.replacements = Replacements(loop, log, self.workers, self._start)
        self._reaping = Reaping(loop, log, self.workers, enqueue)
        self.launched = 0
        self.spared_children: set[int] = set()  # they are reaped elsewhere

    # --- starting

    def spawn(self, key: Key, program: Program) -> None:
        """Start the processes of a generation, or queue them while their fork server imports."""
        try:
            if program.app is not None:
                self._public_listener(program)  # at once: no other program can take the port while the app is imported
        except FlowGateError as error:
            self._start_failed((*key, 1), program, error)
            return
        for index in range(1, worker_group.wanted(program) + 1):
            if not self._start((*key, index), program):
                return

    def spawn_worker(self, key: Key, program: Program) -> None:
        """Start one more worker of a generation that has too few."""
        living = [one for one in worker_group.of(self.workers, key) if one.counts]
        queued = [one for one in self._waiting if one[:2] == key]
        if len(living) + len(queued) < worker_group.wanted(program):
            self.replacements.start(key, program)

    def _start(self, key: WorkerKey, program: Program) -> bool:
        """Start a process, or queue it; return False if it could not be started."""
        if self.fork_pool.must_wait(key, program):
            self._waiting[key] = program
            return True
        return self._launch(key, program)

    def _launch_waiting(self, key: WorkerKey) -> None:
        self._launch(key, self._waiting.pop(key))
        self._advance()

    def _launch(self, key: WorkerKey, program: Program) -> bool:
        service, number, index = key
        try:
            worker = self._launcher.launch(program, number, index, self._loop.clock.now())
        except (FlowGateError, OSError) as error:
            self._start_failed(key, program, error)
            return False
        self.launched += 1
        how = "forked" if worker.is_forked else "started"
        self._log(f"{service} {number}: {how} as process {worker.identity.pid}{worker_group.suffix(worker)}")
        self.add(worker)
        if worker.control is None:
            self._probe(key, worker)
        return True

    def _start_failed(self, key: WorkerKey, program: Program, error: FlowGateError | OSError) -> None:
        if isinstance(error, FlowGateError):
            why = error.what + (f"; {error.fix}" if error.fix else "")
        else:  # of the system itself: no descriptors left, no memory
            why = f"it could not be started: {error.strerror or error}"
        service, number, _ = key
        if worker_group.of(self.workers, key[:2]) or any(one[:2] == key[:2] for one in self._waiting):
            self._enqueue(service, WorkerLost(number, why, program.workers))
        else:
            self._enqueue(service, Died(number, why))

    def add(self, worker: WorkerProcess) -> None:
        """Add a process, and receive its events."""
        self.workers[worker.key] = worker
        self.replacements.note(worker)
        if worker.control is not None:
            self._loop.watch(worker.control, lambda: self._receive(worker))
            self._flush(worker)

    def _flush(self, worker: WorkerProcess) -> None:
        if worker.flush():
            self._loop.after(FLUSH_SECONDS, lambda: self._flush(worker), about=worker.key)

    # --- public listeners

    def _public_listener(self, program: Program) -> socket.socket:
        address = (program.host, program.port)
        if address not in self.listeners:
            self.listeners[address] = sockets.listen(*address)
        return self.listeners[address]

    def add_listener(self, program: Program, listener: socket.socket) -> None:
        """Keep a public listener that an adopted worker has sent; close it when it is known already."""
        if self.listeners.setdefault((program.host, program.port), listener) is not listener:
            listener.close()

    def close_unused_listeners(self, used: set[tuple[str, int]]) -> None:
        """Close the listeners of other addresses."""
        for address in self.listeners.keys() - used:
            self.listeners.pop(address).close()

    def refuse_connections(self) -> None:
        """Refuse new connections once no worker accepts any; they would wait in vain."""
        if not any(worker.accepts and worker.program.app is not None for worker in self.workers.values()):
            sockets.stop_listening(self.listeners.values())

    # --- commands

    def command(self, service: str, effect: Command, drain_timeout: float) -> None:
        """Carry out an effect on the processes of a generation."""
        key = (service, effect.number)
        queued = [one for one in self._waiting if one[:2] == key]
        for one in queued:  # it is never started
            self.fork_pool.cancel(one)
            del self._waiting[one]
        workers = worker_group.of(self.workers, key)
        if queued and not workers:
            self._enqueue(service, Died(effect.number, ""))
        for worker in workers:
            self._command(worker, effect, drain_timeout)

    def _command(self, worker: WorkerProcess, effect: Command, drain_timeout: float) -> None:
        match effect:
            case Open() if worker.control is None:
                self._enqueue(worker.program.service, Opened(effect.number))
            case Open():
                worker.send({"do": "open"})
            case Drain() if worker.phase in ("starting", "ready"):  # it replaces another one, and serves nobody yet
                worker.kill()
            case Drain():
                worker.drain(self._loop.clock.now(), drain_timeout)
            case Cut() if worker.control is not None:
                worker.send({"do": "cut"})
            case Cut() | Terminate():
                worker.terminate()
            case Kill():
                worker.kill()

    # --- events

    def _receive(self, worker: WorkerProcess) -> None:
        service, events = worker.program.service, worker.receive()
        if events is None and worker.control is not None:
            self._loop.forget(worker.control)
            worker.control = None
            for seconds in REAP_SECONDS:  # a process that is not our child ends without a signal
                self._loop.after(seconds, self.reap)
        for event in events or ():
            match event.get("event"):
                case "ready":
                    worker.phase = "ready"
                    if self.replacements.is_ready(worker):
                        self._enqueue(service, Ready(worker.number))
                case "opened":
                    worker.phase = "serving"
                    if self.replacements.is_open(worker):
                        self._enqueue(service, Opened(worker.number))
                case _:
                    worker.note(event, self._loop.clock.now())
        self._advance()

    def _probe(self, key: WorkerKey, worker: WorkerProcess) -> None:
        def wanted() -> bool:
            return self.workers.get(key) is worker and not worker.members

        def ready() -> None:
            if _serves_its_port(worker):
                self._enqueue(key[0], Ready(worker.number))
                self._advance()
            else:
                worker.exit_reason = "another program answers on {}:{}".format(*worker.private_address)
                worker.terminate()

        Probe(self._loop, worker.private_address, worker.program.readiness_path, wanted, ready).send()

    def reap(self) -> None:
        """Find the processes that have ended."""
        self._reaping.run({one[:2] for one in self._waiting})
        workers = {worker.identity.pid for worker in self.workers.values()}
        subreaper.reap_unknown(workers | self.fork_pool.pids() | self.spared_children)
        self._advance()


def _serves_its_port(worker: WorkerProcess) -> bool:
    """Return whether a process of this generation has the port; another program there would respond as well."""
    if sockets.is_owned_by(*worker.private_address, {worker.identity.pid}):  # nearly always the program itself
        return True
    owned = sockets.is_owned_by(*worker.private_address, {one.pid for one in processes.tree(worker.identity)})
    return processes.alive(worker.identity) if owned is None else owned
