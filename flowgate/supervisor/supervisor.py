"""The supervisor: it queues what happens, and carries out the effects that the state machine decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from flowgate.domain import Program
from flowgate.supervisor import fork_pool, state_machine
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import Key, WorkerKey
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.needed_services import is_restarting, report
from flowgate.supervisor.protocol import WorkerCommand
from flowgate.supervisor.service_state import Arm, Effect, Event, Note, ServiceState, Spawn, SpawnWorker, Stop, Timer
from flowgate.supervisor.source_status import SourceStatus
from flowgate.supervisor.worker_pool import WorkerPool
from flowgate.system.clock import Clock

HOLD_LIMIT = 6  # a worker ends a hold by itself after so many times the program's hold timeout


class Clients(Protocol):
    """What the supervisor needs to know of the connected commands."""

    def answer_waiting(self) -> None:
        """Reply to the clients whose wait is over."""

    def add_ending(self, service: str, note: Note) -> None:
        """Keep how a generation ended."""

    def inherit_lease(self, service: str, old: int, new: int) -> None:
        """Lease a respawned generation to the client that leased the crashed one."""

    def held_services(self) -> Collection[str]:
        """Return the services whose new requests a client wants to be held."""

    def is_connected(self) -> bool:
        """Return whether a client is connected."""


class Supervisor:
    """State of all services of one runtime folder.

    Attributes:
        states: Service to its state.
        programs: (service, number) to the program of that generation.
        workers: The processes.
        usage_sources: Returns how the records of services are collected; set by the regular work.
        clients: Connections to commands; set by the daemon.
        checked_at: When it last looked whether the processes answer.
        idle_since: Since when nothing runs, or should run.
        leaving: Whether everything is being stopped.
        awaits_start: Whether a child of this process brings the services up, so that it must not exit meanwhile.
    """

    clients: Clients

    def __init__(self, folder: Path, journal: Journal, clock: Clock) -> None:
        self.folder, self.journal, self.clock = folder, journal, clock
        self.loop = Loop(clock)
        self.states: dict[str, ServiceState] = {}
        self.programs: dict[Key, Program] = {}
        self.events: deque[tuple[str, Event]] = deque()
        self.pool = WorkerPool(folder, self.loop, journal.log, self.enqueue, self.advance)
        self.workers = self.pool.workers
        self.usage_sources: Callable[[], dict[str, SourceStatus]] = dict
        self.checked_at = clock.now()
        self.idle_since: float | None = None
        self.leaving = self.awaits_start = self._drains = False
        self._told_to_stop: set[str] = set()
        self._held: set[WorkerKey] = set()
        self._reported: dict[WorkerKey, WorkerCommand] = {}

    # --- events and effects

    def enqueue(self, service: str, event: Event) -> None:
        """Add an event to the queue."""
        self.events.append((service, event))

    def advance(self) -> None:
        """Process the queue, then reply to the clients that waited for a change."""
        self._stop_unneeded()
        while self.events:
            service, event = self.events.popleft()
            self.states[service], effects = state_machine.advance(self.states[service], event)
            for effect in effects:
                self._carry_out(service, effect)
            self._stop_unneeded()
        self.tidy()
        self._hold_or_release()
        self.clients.answer_waiting()

    def _carry_out(self, service: str, effect: Effect) -> None:
        match effect:
            case Spawn():
                self._spawn(service, effect)
            case SpawnWorker(number=number):
                self.pool.spawn_worker((service, number), self.programs[service, number])
            case Arm(timer=timer, seconds=seconds):
                self.arm(service, timer, seconds)
            case Note(what=what, number=number):
                self.journal.write(service, effect, self.programs.get((service, number)))
                if what in ("failed", "crashed", "stopped"):
                    self.clients.add_ending(service, effect)
            case _:
                self.pool.command(service, effect, self.states[service].drain_timeout)

    def _spawn(self, service: str, effect: Spawn) -> None:
        key = (service, effect.number)
        if effect.copy_of is not None:
            self.programs[key] = self.programs[service, effect.copy_of]
            self.clients.inherit_lease(service, effect.copy_of, effect.number)
        self.pool.spawn(key, self.programs[key])

    def arm(self, service: str, timer: Timer, seconds: float) -> None:
        """Enqueue a timer event when its time has come."""

        def expire() -> None:
            self.enqueue(service, timer)
            self.advance()

        self.loop.after(seconds, expire, about=(service, timer.number))

    # --- services

    def state(self, program: Program) -> ServiceState:
        """Return the state of a program's service, with the limits of that program."""
        is_app = program.app is not None
        state = replace(
            self.states.get(program.service) or ServiceState(program.service, shared_listener=is_app),
            shared_listener=is_app,
            ready_timeout=program.ready_timeout,
            stop_grace=program.stop_grace,
            drain_timeout=program.drain_timeout,
            respawns=program.restart != "never",
        )
        self.states[program.service] = state
        return state

    def is_busy(self) -> bool:
        """Return whether a service runs, or should run."""
        return any(state.generations or state.wanted for state in self.states.values())

    def leave(self, *, drain: bool = False) -> None:
        """Stop everything, then exit.

        Args:
            drain: Finish requests in progress first, and stop a service only when nothing that needs it is left.
        """
        self.leaving, self._drains = True, drain
        self.advance()

    def _stop_unneeded(self) -> None:
        """While everything is being stopped, stop the services that no running process needs any more."""
        if not self.leaving or len(self._told_to_stop) == len(self.states):
            return
        waited_for = {n for worker in self.workers.values() for n in worker.program.hold_while_down if self._drains}
        for service in self.states.keys() - self._told_to_stop - waited_for:
            self._told_to_stop.add(service)
            self.enqueue(service, Stop(drain=self._drains))

    def kill_all(self) -> None:
        """Stop everything at once; nothing is drained."""
        self._drains = False
        for worker in self.workers.values():
            worker.kill()
        self.advance()

    def tidy(self) -> None:
        """Forget programs that no generation can need again, and close listeners that no program uses any more."""
        for service, number in list(self.programs):
            state = self.states[service]
            needed = {state.served, *(g.number for g in state.generations), *(g.fallback for g in state.generations)}
            if number not in needed:
                del self.programs[service, number]
        self.pool.fork_pool.keep(self._wanted_fork_servers())
        self.pool.close_unused_listeners({(p.host, p.port) for p in self.programs.values() if p.app is not None})
        self.idle_since = None if self.is_busy() or self.awaits_start else (self.idle_since or self.clock.now())
        if self.leaving:
            self.pool.refuse_connections()
            self.loop.running = any(state.generations for state in self.states.values())

    def _wanted_fork_servers(self) -> dict[str, Program]:
        """Return the fork servers to keep: that of the newest program of each wanted service."""
        newest: dict[str, Program] = {}
        for service, number in sorted(self.programs):
            state = self.states[service]
            if not self.leaving and (state.wanted or state.newest()):
                newest[service] = self.programs[service, number]
        return {fork_pool.fork_server_id(program): program for program in newest.values() if program.fork_server}

    def _hold_or_release(self) -> None:
        """Hold new requests of apps whose needed services are down, and where a client wants it; release the others."""
        states = self.states.items()
        down = {name for name, state in states if is_restarting(state)}
        wanted = set(self.clients.held_services())
        wanted |= {w.program.service for w in self.workers.values() if down & set(w.program.hold_while_down)}
        self._report_needed()
        for key, worker in self.workers.items():
            if key[0] in wanted and key not in self._held:
                seconds = worker.program.hold_timeout
                worker.send({"do": "hold", "seconds": seconds, "limit": seconds * HOLD_LIMIT})
            elif key in self._held and key[0] not in wanted:
                worker.send({"do": "release"})
        self._held = {key for key in self.workers if key[0] in wanted}

    def _report_needed(self) -> None:
        """Tell each worker which of the services that it needs are away, whenever that changes."""
        apps = {key: worker.program for key, worker in self.workers.items() if worker.program.hold_while_down}
        reports = {key: report(program.hold_while_down, self.states) for key, program in apps.items()}
        for key, found in reports.items():
            if found != self._reported.get(key):
                self.workers[key].send(found)
        self._reported = reports
