"""The processes and public listeners of one supervisor: what they report becomes events."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor import kept_requests
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool, Key
from flowgate.supervisor.launch import Launcher
from flowgate.supervisor.probe import Probe
from flowgate.supervisor.service_state import Cut, Died, Drain, Event, Kill, Open, Opened, Ready, Terminate
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import processes, sockets, subreaper

FLUSH_SECONDS = 0.05  # between two tries to send what a worker's connection could not take
REAP_SECONDS = (0.005, 0.05, 0.3)  # after the end of a worker's connection: when its process should have ended


class WorkerPool:
    """Processes and public listeners.

    Attributes:
        workers: (service, number) to the process of that generation.
        listeners: (host, port) to the public listener.
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
        self.workers: dict[Key, WorkerProcess] = {}
        self.listeners: dict[tuple[str, int], socket.socket] = {}
        self.fork_pool = ForkPool(loop, subreaper.adopt_orphans(), log, self._launch_waiting)
        self._launcher = Launcher(folder, self._public_listener, self.fork_pool.fork)
        self._waiting: dict[Key, Program] = {}
        self.launched = 0

    def spawn(self, key: Key, program: Program) -> None:
        """Start the process of a generation, or queue it while its fork server imports."""
        try:
            if program.app is not None:
                self._public_listener(program)  # at once: no other program can take the port while the app is imported
        except FlowGateError as error:
            self._start_failed(key, error)
            return
        if self.fork_pool.must_wait(key, program):
            self._waiting[key] = program
        else:
            self._launch(key, program)

    def _launch_waiting(self, key: Key) -> None:
        self._launch(key, self._waiting.pop(key))
        self._advance()

    def _launch(self, key: Key, program: Program) -> None:
        service, number = key
        try:
            worker = self._launcher.launch(program, number, self._loop.clock.now())
        except (FlowGateError, OSError) as error:
            self._start_failed(key, error)
            return
        self.launched += 1
        how = "forked" if worker.is_forked else "started"
        self._log(f"{service} {number}: {how} as process {worker.identity.pid}")
        self.add(worker)
        if worker.control is None:
            self._probe(key, worker)

    def _start_failed(self, key: Key, error: FlowGateError | OSError) -> None:
        if isinstance(error, FlowGateError):
            why = error.what + (f"; {error.fix}" if error.fix else "")
        else:  # of the system itself: no descriptors left, no memory
            why = f"it could not be started: {error.strerror or error}"
        self._enqueue(key[0], Died(key[1], why))

    def add(self, worker: WorkerProcess) -> None:
        """Add a process, and receive its events."""
        self.workers[worker.program.service, worker.number] = worker
        if worker.control is not None:
            self._loop.watch(worker.control, lambda: self._receive(worker))
            self._flush(worker)

    def _flush(self, worker: WorkerProcess) -> None:
        if worker.flush():
            self._loop.after(FLUSH_SECONDS, lambda: self._flush(worker), about=(worker.program.service, worker.number))

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

    # --- commands

    def command(self, service: str, effect: Open | Drain | Cut | Terminate | Kill, drain_timeout: float) -> None:
        """Carry out an effect on a process."""
        key = (service, effect.number)
        worker = self.workers.get(key)
        if worker is None:
            if self.fork_pool.cancel(key):  # it was never started
                del self._waiting[key]
                self._enqueue(service, Died(effect.number, ""))
            return
        match effect:
            case Open() if worker.control is None:
                self._enqueue(service, Opened(effect.number))
            case Open():
                worker.send({"do": "open"})
            case Drain():
                worker.drained_since = self._loop.clock.now()
                worker.send({"do": "drain", "seconds": drain_timeout})
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
                    self._enqueue(service, Ready(worker.number))
                case "opened":
                    self._enqueue(service, Opened(worker.number))
                case "draining":
                    worker.accepts = False
                case "failed" | "cut":
                    worker.exit_reason = event.get("reason") or ""
                case "query_result" | "told":  # the second from a worker of an earlier FlowGate
                    worker.asked_at, worker.answered_at = None, self._loop.clock.now()
                case "count":
                    worker.open_connections, worker.under_way = event["open"], event["busy"]
                    worker.oldest, worker.counted_at = event["oldest"], self._loop.clock.now()
        self._advance()

    def _probe(self, key: Key, worker: WorkerProcess) -> None:
        def wanted() -> bool:
            return self.workers.get(key) is worker and not worker.members

        def ready() -> None:
            if _serves_its_port(worker):
                self._enqueue(key[0], Ready(worker.number))
                self._advance()
            else:
                worker.exit_reason = "another program answers on {}:{}".format(*worker.private_address)
                worker.terminate()

        Probe(self._loop, worker.private_address, worker.program.readiness_path or "/", wanted, ready).send()

    def reap(self) -> None:
        """Find the processes that have ended."""
        for (service, number), worker in list(self.workers.items()):
            if not worker.has_ended():
                continue
            if worker.control is not None:
                for event in worker.receive() or ():  # its last events may still be in the socket
                    worker.exit_reason = event.get("reason") or worker.exit_reason
                self._loop.forget(worker.control)
            del self.workers[service, number]
            self._loop.drop((service, number))
            is_last = service not in {name for name, _ in self.workers}
            kept_requests.discard(worker.record.parent, service, number, all_of_them=is_last)
            self._enqueue(service, Died(number, worker.clean_up()))
        subreaper.reap_unknown({*self.fork_pool.pids(), *(worker.identity.pid for worker in self.workers.values())})
        self._advance()


def _serves_its_port(worker: WorkerProcess) -> bool:
    """Return whether a process of this generation has the port; another program there would respond as well."""
    if sockets.is_owned_by(*worker.private_address, {worker.identity.pid}):  # nearly always the program itself
        return True
    owned = sockets.is_owned_by(*worker.private_address, {one.pid for one in processes.tree(worker.identity)})
    return processes.alive(worker.identity) if owned is None else owned
