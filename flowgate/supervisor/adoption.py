"""Take over the generations that a killed supervisor left running; they serve all the time.

A worker keeps its own program in memory (`set_program`), and returns it together with the public listener
(`get_program`), so no key is ever written to disk. For a program that binds its own port, the environment is read from
the process table, and its documents are on disk.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from flowgate.domain import Program, Secret
from flowgate.errors import FlowGateError
from flowgate.supervisor import legacy, orphans, worker_client, worker_group
from flowgate.supervisor.orphans import GenerationRecord
from flowgate.supervisor.program_tree import from_tree
from flowgate.supervisor.service_state import Generation, Timer, WorkerLost
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_client import control_path
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import files, process_table, processes, sockets
from flowgate.system.processes import Identity

ANSWER_SECONDS = 3.0
PHASES = ("serving", "draining")  # a candidate was not promoted yet: it is stopped


@dataclass(frozen=True, slots=True)
class Adopted:
    """A worker that keeps running.

    Attributes:
        phase: serving or draining.
        listener: The public listener; None for a program that binds its own port, and for a draining generation.
    """

    worker: WorkerProcess
    phase: str
    listener: socket.socket | None


def find_generations(folder: Path, now: float) -> list[Adopted]:
    """Find the workers that are running, and connect to them.

    Args:
        folder: `run/` of the runtime folder.
        now: The time by the supervisor's clock.

    Returns:
        The workers to take over, oldest first. Any other process that a record names has to be stopped.
    """
    found = []
    for path, record in orphans.records(folder):
        try:
            adopted = _adopt(folder, path, record, now) if orphans.is_living(record) else None
        except (FlowGateError, OSError, KeyError, TypeError, ValueError):  # a damaged record, or a wrong answer
            adopted = None
        if adopted is not None:
            legacy.update_start_script(Path(adopted.worker.program.argv[0]))
            found.append(adopted)
    return sorted(found, key=lambda one: (one.worker.number, one.worker.index))


def _adopt(folder: Path, path: Path, record: GenerationRecord, now: float) -> Adopted | None:
    identity = orphans.identity(record)
    host, port = record["private_address"]
    worker = WorkerProcess(from_tree(record), record["number"], identity, now, (str(host), int(port)), path)
    worker.index = record.get("worker", 1)
    if record["app"] is not None:
        return _adopt_app(folder, worker)
    program = _complete(worker.program, record, identity)
    if program is None:
        return None
    worker.program = program
    owns_port = sockets.is_owned_by(*worker.private_address, {one.pid for one in processes.tree(identity)})
    return Adopted(worker, "serving", None) if owns_port else None


def _adopt_app(folder: Path, worker: WorkerProcess) -> Adopted | None:
    path = control_path(folder, *worker.key)
    answer = worker_client.ask(path, {"do": "get_program"}, "program", ANSWER_SECONDS)
    if answer is None:
        return None
    phase, tree = answer.event["state"], answer.event["program"]
    if phase not in PHASES or not tree or (phase == "serving" and answer.listener is None):
        answer.control.close()
        return None
    answer.control.setblocking(False)
    worker.control, worker.is_legacy = answer.control, answer.is_legacy
    worker.program = from_tree(legacy.current_program(tree))
    worker.phase = phase
    return Adopted(worker, phase, answer.listener)


def _complete(program: Program, record: GenerationRecord, identity: Identity) -> Program | None:
    """Complete the program of a record with its environment and documents; None when they cannot be read."""
    environment = process_table.environment(identity.pid)
    if environment is None or not set(record["names"]) <= environment.keys():
        return None
    texts = [(Path(path), files.read_text_or_none(Path(path))) for path in record["paths"]]
    documents = tuple((path, text) for path, text in texts if text is not None)
    env = {name: Secret(environment[name]) for name in record["names"]}
    return replace(program, env=env, documents=documents)


def take_over(supervisor: Supervisor, adopted: list[Adopted]) -> None:
    """Add adopted workers to a supervisor; of two generations that serve, the newer stays and the older one drains."""
    for _, members in groupby(adopted, key=lambda one: one.worker.key[:2]):
        _take_over(supervisor, list(members))


def _take_over(supervisor: Supervisor, adopted: list[Adopted]) -> None:
    """Add the workers of one generation; it serves if one of them does."""
    program, number = adopted[0].worker.program, adopted[0].worker.number
    service = program.service
    phase = "serving" if any(one.phase == "serving" for one in adopted) else "draining"
    supervisor.programs[service, number] = program
    state = supervisor.state(program)
    older = state.serving() if phase == "serving" else None
    supervisor.states[service] = replace(
        state,
        generations=(*state.generations, Generation(number, phase)),
        last_number=number,
        wanted=True,
        served=number if phase == "serving" else state.served,
    )
    for one in adopted:
        _add(supervisor, one, is_retired=phase == "serving" and one.phase == "draining")
    if phase == "draining" or older is not None:
        _drain(supervisor, service, older.number if older else number)
    if phase == "serving":
        _complete_group(supervisor, program, number)


def _add(supervisor: Supervisor, one: Adopted, *, is_retired: bool) -> None:
    worker = one.worker
    if one.listener is not None:
        supervisor.pool.add_listener(worker.program, one.listener)
    supervisor.pool.add(worker)
    worker.send({"do": "release"})  # the command that wanted its requests held is gone
    if is_retired:
        supervisor.pool.replacements.retire(worker)
    supervisor.journal.log(
        f"{worker.program.service} {worker.number}: adopted, {one.phase}, process {worker.identity.pid}"
        f"{worker_group.suffix(worker)}"
    )


def _complete_group(supervisor: Supervisor, program: Program, number: int) -> None:
    """Start the workers of a generation that have ended while no supervisor ran."""
    group = worker_group.of(supervisor.workers, (program.service, number))
    for _ in range(worker_group.wanted(program) - sum(one.counts for one in group)):
        lost = WorkerLost(number, "a worker ended while no supervisor ran", program.workers)
        supervisor.enqueue(program.service, lost)


def _drain(supervisor: Supervisor, service: str, number: int) -> None:
    """Let a generation drain; how long it has drained already is not known."""
    state = supervisor.states[service]
    supervisor.states[service] = state.updated(Generation(number, "draining"))
    for worker in worker_group.of(supervisor.workers, (service, number)):
        worker.phase = "draining"
        worker.send({"do": "drain", "seconds": state.drain_timeout})
    supervisor.arm(service, Timer("drain", number), state.drain_timeout)
