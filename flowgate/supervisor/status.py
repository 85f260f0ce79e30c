"""The status document: what a supervisor runs, as plain data."""

from __future__ import annotations

import os
from collections.abc import Collection

from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.liveness import silence
from flowgate.supervisor.protocol import ForkServerStatus, GenerationStatus, ServiceStatus, StatusDocument
from flowgate.supervisor.service_state import ServiceState
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import processes


def status(supervisor: Supervisor, leased: Collection[Key]) -> StatusDocument:
    """Describe what a supervisor runs.

    Args:
        supervisor: The supervisor.
        leased: Generations that the command that started them has not kept yet.
    """
    fork_servers: list[ForkServerStatus] = [
        {"pid": server.identity.pid, "state": server.state, "memory": processes.memory(server.identity.pid)}
        for server in supervisor.pool.fork_pool.servers.values()
    ]
    services = {name: _service(supervisor, state, leased) for name, state in supervisor.states.items()}
    return {"supervisor": os.getpid(), "fork_servers": fork_servers, "services": services}


def _service(supervisor: Supervisor, state: ServiceState, leased: Collection[Key]) -> ServiceStatus:
    generations = [_generation(supervisor, (state.service, g.number), g.phase, leased) for g in state.generations]
    return {
        "wanted": state.wanted,
        "restarts": state.restarts,
        "crashes": state.crashes,
        "failure": state.failure,
        "generations": generations,
    }


def _generation(supervisor: Supervisor, key: Key, phase: str, leased: Collection[Key]) -> GenerationStatus:
    program, worker = supervisor.programs[key], supervisor.workers.get(key)
    about: GenerationStatus = {
        "number": key[1],
        "phase": phase,
        "host": program.host,
        "port": program.port,
        "digest": program.digest,
        "labels": dict(program.labels),
        "log": str(program.log),
        "leased": key in leased,
    }
    if worker is not None:
        about["pid"], about["ticks"] = worker.identity
        about["private_address"] = list(worker.private_address)
        about["seconds"] = round(supervisor.clock.now() - worker.started, 3)
        about["memory"] = processes.memory(worker.identity.pid)
        about["silent"] = silence(worker, supervisor.clock.now())
        about["open_connections"], about["under_way"] = worker.open_connections, worker.under_way
    return about
