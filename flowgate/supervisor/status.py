"""What is kept, as plain data: the answer to `status`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowgate.supervisor.protocol import Message
from flowgate.supervisor.service_state import ServiceState
from flowgate.system import processes

if TYPE_CHECKING:
    from flowgate.supervisor.supervisor import Key, Supervisor


def status(supervisor: Supervisor) -> Message:
    """Say what is kept.

    Returns:
        `keeper` (its pid), `nurseries` (pid, state, memory of each) and `services`: name → wanted, restarts,
        crashes, failure, generations.
    """
    leased = {key for visitor in supervisor.control_server.present for key in visitor.leases}
    services = {name: _service(supervisor, state, leased) for name, state in supervisor.states.items()}
    fork_servers = [
        {"pid": ward.identity.pid, "state": ward.state, "memory": processes.memory(ward.identity.pid)}
        for ward in supervisor.fork_pool.wards.values()
    ]
    return {"ok": True, "supervisor": os.getpid(), "fork_servers": fork_servers, "services": services}


def _service(supervisor: Supervisor, state: ServiceState, leased: set[Key]) -> Message:
    generations = [_generation(supervisor, (state.service, g.number), g.phase, leased) for g in state.generations]
    return {
        "wanted": state.wanted,
        "restarts": state.restarts,
        "crashes": state.crashes,
        "failure": state.failure,
        "generations": generations,
    }


def _generation(supervisor: Supervisor, key: Key, phase: str, leased: set[Key]) -> Message:
    program, running = supervisor.programs[key], supervisor.running.get(key)
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
            "private_address": list(running.private_address),
            "seconds": round(supervisor.clock.now() - running.started, 3),
            "memory": processes.memory(running.identity.pid),
            "open_connections": running.open_connections,
            "under_way": running.under_way,
        }
    return about
