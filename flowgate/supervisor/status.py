"""What is kept, as plain data: the answer to `status`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowgate.supervisor.protocol import Message
from flowgate.supervisor.service_state import Seat
from flowgate.system import processes

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Caretaker, Key


def status(caretaker: Caretaker) -> Message:
    """Say what is kept.

    Gives: `keeper` (its pid), `nurseries` (pid, state, memory of each) and `services`: name → wanted, restarts,
        crashes, failure, generations
    """
    leased = {key for visitor in caretaker.visitors.present for key in visitor.leases}
    services = {name: _service(caretaker, seat, leased) for name, seat in caretaker.seats.items()}
    nurseries = [
        {"pid": ward.identity.pid, "state": ward.state, "memory": processes.memory(ward.identity.pid)}
        for ward in caretaker.births.wards.values()
    ]
    return {"ok": True, "keeper": os.getpid(), "nurseries": nurseries, "services": services}


def _service(caretaker: Caretaker, seat: Seat, leased: set[Key]) -> Message:
    generations = [_generation(caretaker, (seat.service, g.number), g.phase, leased) for g in seat.generations]
    return {
        "wanted": seat.wanted,
        "restarts": seat.restarts,
        "crashes": seat.crashes,
        "failure": seat.failure,
        "generations": generations,
    }


def _generation(caretaker: Caretaker, key: Key, phase: str, leased: set[Key]) -> Message:
    program, running = caretaker.programs[key], caretaker.running.get(key)
    about: Message = {
        "number": key[1],
        "phase": phase,
        "host": program.host,
        "port": program.port,
        "digest": program.digest,
        "labels": dict(program.labels),
        "log": str(program.log),
        "leased": key in leased,
    }
    if running is not None:
        about |= {
            "pid": running.identity.pid,
            "ticks": running.identity.ticks,
            "door": list(running.door),
            "seconds": round(caretaker.clock.now() - running.started, 3),
            "memory": processes.memory(running.identity.pid),
            "open_connections": running.open_connections,
            "under_way": running.under_way,
        }
    return about
