"""The caretaker's state, and what it does with it: events in, orders carried out.

Handlers put events into the queue; `core` says what they mean; `_carry_out` does it.
"""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import replace
from pathlib import Path

from flowgate.domain import Program
from flowgate.errors import FlowGateError
from flowgate.supervisor import fork_pool, state_machine
from flowgate.supervisor.control_server import ControlServer
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.probe import Probe
from flowgate.supervisor.service_state import (
    Arm,
    Cut,
    Died,
    Drain,
    Effect,
    Event,
    Kill,
    Note,
    Open,
    Opened,
    Ready,
    Renew,
    ServiceState,
    Spawn,
    Stop,
    Terminate,
    Timer,
)
from flowgate.supervisor.worker_process import Running, launch
from flowgate.system import memory, processes, sockets, subreaper
from flowgate.system.clock import Clock

LINGER_SECONDS = 1.0  # an idle keeper waits this long for the next command
WATCH_SECONDS = 1.0  # how soon a deleted socket is put back
SOON = (0.005, 0.05, 0.3)  # seconds after a connection's end at which its process should have ended
HOLDS_AT_MOST = 6  # times its patience that a door holds without hearing from us
WEIGH_EVERY = 5  # watches between two looks at memory
RENEW_SECONDS = 60.0  # between two replacements for memory: a limit that is too low must not cost more than that
ROTATE_EVERY = 10  # watches between two looks at the size of the logs

Key = tuple[str, int]


class Supervisor:
    """The keeper's state, and what it does with it."""

    def __init__(self, folder: Path, journal: Journal, clock: Clock) -> None:
        self.folder, self.journal, self.clock = folder, journal, clock
        self.loop = Loop(clock)
        self.states: dict[str, ServiceState] = {}
        self.programs: dict[Key, Program] = {}
        self.running: dict[Key, Running] = {}
        self.public: dict[tuple[str, int], socket.socket] = {}
        self.queue: deque[tuple[str, Event]] = deque()
        self.control_server = ControlServer(self)
        self.fork_pool = ForkPool(self.loop, subreaper.adopt_orphans(), journal.say, self._born)
        self.renewed: dict[str, float] = {}
        self.held: set[Key] = set()
        self.launched = 0
        self.idle_since: float | None = None
        self.watches = 0
        self.leaving = False

    # --- events in, orders out

    def happen(self, service: str, event: Event) -> None:
        """Put an event into the queue."""
        self.queue.append((service, event))

    def pump(self) -> None:
        """Work the queue off, then answer whoever was waiting for what has changed."""
        while self.queue:
            service, event = self.queue.popleft()
            self.states[service], orders = state_machine.advance(self.states[service], event)
            for order in orders:
                self._carry_out(service, order)
        self._tidy()
        self._hold()
        self.control_server.answer()

    def _carry_out(self, service: str, order: Effect) -> None:
        match order:
            case Spawn(number=number, copy_of=copy_of):
                self._spawn(service, number, copy_of)
            case Arm(timer=timer, seconds=seconds):
                self.loop.after(seconds, lambda: self.due(service, timer), about=(service, timer.number))
            case Note():
                self._note(service, order)
            case Open() | Drain() | Cut() | Terminate() | Kill():
                self._tell(service, order)

    def _tell(self, service: str, order: Open | Drain | Cut | Terminate | Kill) -> None:
        running = self.running.get((service, order.number))
        if running is None:
            if self.fork_pool.forget((service, order.number)):  # it was never born
                self.happen(service, Died(order.number, ""))
            return
        match order:
            case Open() if running.control is None:
                self.happen(service, Opened(order.number))
            case Open():
                running.say("open")
            case Drain():
                running.drained_since = self.clock.now()
                running.say("drain", seconds=self.states[service].drain_timeout)
            case Cut() if running.control is not None:
                running.say("cut")
            case Cut() | Terminate():
                running.terminate()
            case Kill():
                running.kill()

    def due(self, service: str, timer: Timer) -> None:
        """Let a time have come."""
        self.happen(service, timer)
        self.pump()

    def _note(self, service: str, note: Note) -> None:
        program = self.programs.get((service, note.number))
        self.journal.write(service, note, program)
        if note.what in ("failed", "crashed", "stopped"):
            self.control_server.remember(service, note)

    # --- processes

    def _spawn(self, service: str, number: int, copy_of: int | None) -> None:
        if copy_of is not None:
            self.programs[service, number] = self.programs[service, copy_of]
            self.control_server.inherit(service, copy_of, number)
        program = self.programs[service, number]
        try:
            if program.app is not None:
                self._lend((program.host, program.port))  # at once: nobody else takes it while the app is imported
        except FlowGateError as error:
            self._refused(service, number, error)
            return
        if not self.fork_pool.must_wait((service, number), program):
            self._launch((service, number))

    def _born(self, key: Key) -> None:
        self._launch(key)
        self.pump()

    def _launch(self, key: Key) -> None:
        service, number = key
        program = self.programs[key]
        address = (program.host, program.port)
        try:
            running = launch(
                program, number, self.folder, lambda: self._lend(address), self.fork_pool.fork, self.clock.now()
            )
        except FlowGateError as error:
            self._refused(service, number, error)
            return
        self.running[key] = running
        self.launched += 1
        how = "started" if running.process else "forked"
        self.journal.say(f"{service} {number}: {how} as process {running.identity.pid}")
        self.follow(service, running)
        if running.control is None:
            self._probe(service, running)

    def follow(self, service: str, running: Running) -> None:
        """Listen to what a generation says."""
        if running.control is not None:
            self.loop.watch(running.control, lambda: self._hear(service, running))

    def _refused(self, service: str, number: int, error: FlowGateError) -> None:
        self.happen(service, Died(number, error.what + (f"; {error.fix}" if error.fix else "")))

    def keep_lent(self, address: tuple[str, int], public: socket.socket) -> None:
        """Keep a public socket that a generation has handed back."""
        if address in self.public:
            public.close()
        else:
            self.public[address] = public

    def _lend(self, address: tuple[str, int]) -> socket.socket:
        if address not in self.public:
            self.public[address] = sockets.listen(*address)
        return self.public[address]

    def _probe(self, service: str, running: Running) -> None:
        def wanted() -> bool:
            found = self.states[service].find(running.number)
            return found is not None and found.phase == "starting"

        def ready() -> None:
            if self._is_ours(running):
                self.happen(service, Ready(running.number))
                self.pump()
            else:
                running.reported = (
                    f"another program answers on {running.private_address[0]}:{running.private_address[1]}"
                )
                running.terminate()

        path = running.program.readiness_path or "/"
        Probe(self.loop, running.private_address, path, wanted, ready).ask()

    def _is_ours(self, running: Running) -> bool:
        """Believe an answer only from a process of this generation: a stranger on the port would answer as well."""
        if sockets.is_owned_by(*running.private_address, {running.identity.pid}):  # nearly always the program itself
            return True
        held = sockets.is_owned_by(*running.private_address, {one.pid for one in processes.tree(running.identity)})
        return processes.alive(running.identity) if held is None else held

    def _hear(self, service: str, running: Running) -> None:
        said = running.hear()
        if said is None and running.control is not None:
            self.loop.forget(running.control)
            running.control = None
            for seconds in SOON:  # one that is no child of ours ends without a signal
                self.loop.after(seconds, self.reap)
        for message in said or ():
            match message.get("event"):
                case "ready":
                    self.happen(service, Ready(running.number))
                case "opened":
                    self.happen(service, Opened(running.number))
                case "draining":
                    running.accepts = False
                case "failed" | "cut":
                    running.reported = str(message.get("reason") or "")
                case "count":
                    running.open_connections = int(message.get("open", 0))
                    running.under_way = int(message.get("busy", 0))
                    running.oldest = float(message.get("oldest", 0.0))
                    running.counted_at = self.clock.now()
        self.pump()

    def reap(self) -> None:
        """Find the children that have ended."""
        for (service, number), running in list(self.running.items()):
            if not running.has_ended():
                continue
            if running.control is not None:
                for message in running.hear() or ():  # its last words may still lie in the socket
                    running.reported = str(message.get("reason") or running.reported)
                self.loop.forget(running.control)
            del self.running[service, number]
            self.loop.drop((service, number))
            self.happen(service, Died(number, running.bury()))
        subreaper.reap_unknown({*self.fork_pool.pids(), *(running.identity.pid for running in self.running.values())})
        self.pump()

    # --- housekeeping

    def _tidy(self) -> None:
        """Drop programs that no generation can need again, and public sockets that nobody is lent any more."""
        for service, number in list(self.programs):
            state = self.states[service]
            needed = {state.served, *(g.number for g in state.generations), *(g.instead_of for g in state.generations)}
            if number not in needed:
                del self.programs[service, number]
        self.fork_pool.keep(self._nurseries())
        lent = {(p.host, p.port) for p in self.programs.values() if p.app is not None}
        for address in [address for address in self.public if address not in lent]:
            self.public.pop(address).close()
        busy = self.control_server.present or any(state.generations or state.wanted for state in self.states.values())
        self.idle_since = None if busy else (self.idle_since or self.clock.now())
        if self.leaving and not any(state.generations for state in self.states.values()):
            self.loop.going = False

    def _nurseries(self) -> dict[str, Program]:
        """Name the nurseries that are needed: for each service that somebody wants, its newest program's."""
        newest: dict[str, Program] = {}
        for service, number in sorted(self.programs):
            state = self.states[service]
            if not self.leaving and (state.wanted or state.newest()):
                newest[service] = self.programs[service, number]
        return {fork_pool.name(program): program for program in newest.values() if program.fork_server is not None}

    def state(self, program: Program) -> ServiceState:
        """Give the seat of a program's service, with the program's own limits."""
        known = self.states.get(program.service) or ServiceState(program.service, lent=program.app is not None)
        state = replace(
            known,
            lent=program.app is not None,
            ready_timeout=program.ready_timeout,
            stop_grace=program.stop_grace,
            drain_timeout=program.drain_timeout,
            revives=program.restart != "never",
        )
        self.states[program.service] = state
        return state

    def leave(self) -> None:
        """Take everything down, then leave."""
        self.leaving = True
        for service in self.states:
            self.happen(service, Stop())
        self.pump()

    def _hold(self) -> None:
        """Hold new questions of what stands on a service that is away, or that a visitor wants held; else let go."""
        away = {name for name, state in self.states.items() if state.wanted and not state.lent and not state.serving()}
        wanted = set(self.control_server.holds())
        wanted |= {r.program.service for r in self.running.values() if away & set(r.program.hold_while_down)}
        for key, running in self.running.items():
            if key[0] in wanted and key not in self.held:
                limit = running.program.hold_timeout * HOLDS_AT_MOST
                running.say("hold", seconds=running.program.hold_timeout, limit=limit)
            elif key in self.held and key[0] not in wanted:
                running.say("let")
        self.held = {key for key in self.running if key[0] in wanted}

    def _weigh(self) -> None:
        """Have generations that have grown too large replaced by fresh ones, not more often than helps."""
        for (service, number), running in list(self.running.items()):
            limit, found = running.program.max_memory, self.states[service].find(number)
            if not limit or found is None or found.phase != "serving":
                continue
            size = processes.memory(running.identity.pid) or 0
            last = self.renewed.get(service)
            if size > limit and (last is None or self.clock.now() - last >= RENEW_SECONDS):
                self.journal.say(f"{service} {number}: {size / 1e6:.0f} MB, over {limit / 1e6:.0f}; a fresh one comes")
                self.renewed[service] = self.clock.now()
                self.happen(service, Renew())
                self.pump()

    def watch(self) -> None:
        """Every second: put back a deleted socket, leave when idle; now and then: rotate logs."""
        self.control_server.put_back()
        if any(running.process is None for running in self.running.values()):
            self.reap()
        self.watches += 1
        if self.watches % ROTATE_EVERY == 0:
            self.journal.rotate({running.program.log for running in self.running.values()})
            if self.launched:
                self.launched = 0
                memory.trim()
        if self.watches % WEIGH_EVERY == 0:
            self._weigh()
        self._tidy()
        if self.idle_since is not None and self.clock.now() - self.idle_since >= LINGER_SECONDS:
            self.loop.going = False
            return
        self.loop.after(WATCH_SECONDS, self.watch)
