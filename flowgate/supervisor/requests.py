"""The requests that commands may send to the supervisor, and how each is carried out.

What a command starts is *leased* to its connection until it sends `finish` with `keep`. When the connection is cut
before that (Ctrl-C, kill -9), what it started is stopped.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from flowgate.errors import FlowGateError
from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.program_tree import from_tree
from flowgate.supervisor.protocol import (
    PROTOCOL_VERSION,
    Lines,
    Reply,
    Request,
    StoppedGeneration,
)
from flowgate.supervisor.service_state import Abandon, Discard, Keep, Note, Promote, Start, Stop
from flowgate.supervisor.status import status
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_process import WorkerProcess

DRAIN_CONFIRMATION_SECONDS = 1.0  # how long to wait for a generation to confirm that it drains
KEPT_ENDINGS = 20
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Wait:
    """A reply that has to wait.

    Attributes:
        look: Returns the reply once there is one; called after every change.
        timeout: Seconds after which the reply is "late".
    """

    look: Callable[[], Reply | None]
    timeout: float


@dataclass(slots=True, eq=False)
class ClientConnection:
    """One connection of a command.

    Attributes:
        leases: Generations that it started and has not kept yet.
        holds: Services whose new requests are held until it releases them, or disconnects.
        request_id: The id of its last request; a new request ends the wait for an older one.
        wait: What it waits for.
    """

    sock: socket.socket
    lines: Lines[Request] = field(default_factory=Lines)
    leases: set[Key] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    request_id: int | None = None
    wait: Wait | None = None


class Requests:
    """Carries out the requests of connected commands.

    Attributes:
        connections: The connected commands.
        endings: How the last generations ended, for requests that come later.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.connections: list[ClientConnection] = []
        self.endings: dict[Key, Note] = {}

    def handle(self, connection: ClientConnection, request: Request) -> Reply | Wait:
        """Carry out one request."""
        handlers: dict[str, Callable[[ClientConnection, Request], Reply | Wait]] = {
            "hello": lambda _c, _r: {"ok": True, "protocol": PROTOCOL_VERSION, "supervisor": os.getpid()},
            "status": self._status,
            "matches": self._matches,
            "start": self._start,
            "wait": self._wait,
            "promote": self._promote,
            "discard": self._discard,
            "stop": self._stop,
            "finish": self._finish,
            "reserve": self._reserve,
            "hold": self._hold,
            "release": self._release,
        }
        handler = handlers.get(str(request.get("verb")))
        if handler is None:
            return {"ok": False, "error": f"unknown verb {request.get('verb')!r}"}
        try:
            return handler(connection, request)
        except FlowGateError as error:
            return {"ok": False, "error": error.what, "fix": error.fix}
        except (KeyError, TypeError, ValueError) as fault:
            return {"ok": False, "error": f"malformed request: {fault!r}"}

    def _status(self, connection: ClientConnection, request: Request) -> Reply:
        leased = {key for other in self.connections for key in other.leases}
        return {"ok": True, "status": status(self._supervisor, leased)}

    # --- starting

    def _matches(self, connection: ClientConnection, request: Request) -> Reply:
        program = from_tree(request["program"])
        state = self._supervisor.states.get(program.service)
        newest = state.newest() if state else None
        known = self._supervisor.programs.get((program.service, newest.number)) if newest else None
        same = known is not None and known.digest == program.digest and dict(known.env) == dict(program.env)
        return {"ok": True, "same": same, "generation": newest.number if newest else None}

    def _start(self, connection: ClientConnection, request: Request) -> Reply:
        found = self._matches(connection, request)
        if found["same"] and not request.get("fresh"):
            return found
        program = from_tree(request["program"])
        number = self._supervisor.state(program).last_number + 1
        self._supervisor.programs[program.service, number] = program
        connection.leases.add((program.service, number))
        self._supervisor.enqueue(program.service, Start())
        return {"ok": True, "same": False, "generation": number}

    def _wait(self, connection: ClientConnection, request: Request) -> Wait:
        service, number = request["service"], request["generation"]
        phases = ("serving", "draining") if request.get("goal") == "serving" else ("ready", "serving", "draining")

        def look() -> Reply | None:
            state = self._supervisor.states.get(service)
            found = state.find(number) if state else None
            if found is not None and found.phase in phases and not self._older_accepts(service):
                return {"ok": True, "phase": found.phase}
            is_queued = state is not None and number > state.last_number
            if found is None and not is_queued:
                ending = self.endings.get((service, number))
                return {"ok": False, "failed": True, "error": ending.detail if ending else "it is not running"}
            return None

        return Wait(look, request["timeout"])

    def _older_accepts(self, service: str) -> bool:
        """Return whether an older generation may still accept a connection: it has not confirmed yet that it drains."""
        now = self._supervisor.clock.now()
        workers = [w for w in self._workers(service) if w.drained_since is not None]
        return any(w.accepts and now - (w.drained_since or 0) < DRAIN_CONFIRMATION_SECONDS for w in workers)

    def _workers(self, service: str) -> list[WorkerProcess]:
        """Return the processes of a service that are connected."""
        workers = self._supervisor.workers.items()
        return [worker for (name, _, _), worker in workers if name == service and worker.control is not None]

    def _promote(self, connection: ClientConnection, request: Request) -> Reply | Wait:
        service, number, wanted = request["service"], request["generation"], request["digest"]
        program = self._supervisor.programs.get((service, number))
        if program is not None and program.digest != wanted:
            error = f"{service} generation {number} runs other settings ({program.digest}, not {wanted})"
            return {"ok": False, "refused": True, "error": error, "fix": "run the command again"}
        self._supervisor.enqueue(service, Promote(number))
        # From now on it may answer clients: it must not be stopped when the connection is cut.
        connection.leases.discard((service, number))
        return self._wait(connection, {**request, "goal": "serving"})

    def _reserve(self, connection: ClientConnection, request: Request) -> Reply:
        """Keep the fork server of a program for some time."""
        pool = self._supervisor.pool.fork_pool
        return {"ok": True, "phase": pool.reserve(from_tree(request["program"]), request["seconds"])}

    # --- stopping

    def _discard(self, connection: ClientConnection, request: Request) -> Reply:
        key = request["service"], request["generation"]
        connection.leases.discard(key)
        self._supervisor.enqueue(key[0], Discard(key[1]))
        return {"ok": True}

    def _stop(self, connection: ClientConnection, request: Request) -> Wait:
        states = self._supervisor.states
        services = [name for name in request["services"] if name in states]
        leaving = [worker for (name, _, _), worker in self._supervisor.workers.items() if name in services]
        stopped: list[StoppedGeneration] = [
            {"service": one.program.service, "pid": one.identity.pid, "generation": one.number} for one in leaving
        ]
        for name in services:
            self._supervisor.enqueue(name, Stop())
        # The leases stay: a command that is interrupted here still waits, at its `finish`, until they are gone.

        def look() -> Reply | None:
            if any(states[name].generations for name in services) or self._supervisor.events:
                return None
            return {"ok": True, "stopped": stopped, "killed": [one.identity.pid for one in leaving if one.killed]}

        return Wait(look, request.get("timeout", STOP_SECONDS))

    def _finish(self, connection: ClientConnection, request: Request) -> Wait:
        """End a command: keep what it started, or stop it; exit at once when nothing is left to run."""
        supervisor, keep, leases = self._supervisor, request["keep"], set(connection.leases)
        connection.leases.clear()
        for service, number in leases:
            supervisor.enqueue(service, Keep(number) if keep else Abandon(number))

        def look() -> Reply | None:
            if supervisor.events or (not keep and any(supervisor.states[name].find(n) for name, n in leases)):
                return None
            if supervisor.awaits_start:  # it waits for this very command
                return {"ok": True, "leaving": False, "supervisor": os.getpid()}
            if not supervisor.is_busy() and self.connections == [connection]:
                supervisor.loop.running = False
            return {"ok": True, "leaving": not supervisor.loop.running, "supervisor": os.getpid()}

        return Wait(look, request.get("timeout", STOP_SECONDS))

    # --- holding

    def _hold(self, connection: ClientConnection, request: Request) -> Wait:
        """Hold new requests of a service, and wait until none is in progress.

        The reply contains `busy` (requests still in progress at the end of the wait) and `oldest` (seconds).
        """
        service, timeout, clock = request["service"], request["timeout"], self._supervisor.clock
        began = clock.now()
        connection.holds.add(service)

        def look() -> Reply | None:
            workers = self._workers(service)
            is_quiet = all(worker.counted_at >= began and worker.under_way == 0 for worker in workers)
            if not is_quiet and clock.now() - began < timeout:
                return None
            busy = [worker for worker in workers if worker.under_way]
            oldest = max([worker.oldest for worker in busy], default=0)
            return {"ok": True, "busy": sum(worker.under_way or 0 for worker in busy), "oldest": oldest}

        return Wait(look, timeout + 1.0)

    def _release(self, connection: ClientConnection, request: Request) -> Reply:
        connection.holds.discard(request["service"])
        return {"ok": True}

    def add_ending(self, service: str, note: Note) -> None:
        """Keep how a generation ended."""
        self.endings[service, note.number] = note
        while len(self.endings) > KEPT_ENDINGS:
            self.endings.pop(next(iter(self.endings)))
