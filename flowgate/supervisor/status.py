"""The status document: what a supervisor runs, as plain data."""

from __future__ import annotations

import os
from collections.abc import Collection

from flowgate.supervisor import worker_group
from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.liveness import silence
from flowgate.supervisor.service_state import ServiceState
from flowgate.supervisor.status_document import (
    ForkServerStatus,
    GenerationStatus,
    ServiceStatus,
    StatusDocument,
    WorkerStatus,
)
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_process import WorkerProcess
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
    sources = supervisor.usage_sources()
    return {"supervisor": os.getpid(), "fork_servers": fork_servers, "services": services, "usage_sources": sources}


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
    program, workers = supervisor.programs[key], worker_group.of(supervisor.workers, key)
    about: GenerationStatus = {
        "number": key[1],
        "phase": phase,
        "host": program.host,
        "port": program.port,
        "digest": program.digest,
        "labels": dict(program.labels),
        "log": str(program.log),
        "leased": key in leased,
        "wanted_workers": worker_group.wanted(program),
    }
    if workers:
        found = [_worker(supervisor, worker) for worker in workers]
        about["pid"], about["ticks"] = workers[0].identity
        about["private_address"] = list(workers[0].private_address)
        about["seconds"] = found[0]["seconds"]
        about["memory"] = _sum([one["memory"] for one in found])
        about["silent"] = next((one["silent"] for one in found if one["silent"]), "")
        about["open_connections"] = _sum([one["open_connections"] for one in found])
        about["under_way"] = _sum([one["under_way"] for one in found])
        about["workers"] = found
    return about


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _worker(supervisor: Supervisor, worker: WorkerProcess) -> WorkerStatus:
    return {
        "index": worker.index,
        "pid": worker.identity.pid,
        "phase": worker.phase,
        "private_address": list(worker.private_address),
        "seconds": round(supervisor.clock.now() - worker.started, 3),
        "memory": processes.memory(worker.identity.pid),
        "silent": silence(worker, supervisor),
        "open_connections": worker.open_connections,
        "under_way": worker.under_way,
    }
