"""The gateways of this user that run: found in the process table, so that no list of them can be out of date.

A supervisor names its runtime folder on its command line. What a killed one left running writes into a log of its
runtime folder, and is recorded there by pid and start time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flowgate.errors import FlowGateError
from flowgate.supervisor import daemon_process, orphans
from flowgate.supervisor.daemon_process import DAEMON
from flowgate.supervisor.protocol import SOCKET_NAME
from flowgate.supervisor.status_document import GenerationStatus, ServiceStatus
from flowgate.system import process_table, processes, sockets
from flowgate.system.clock import Clock
from flowgate.system.processes import Identity
from flowgate.system.tempdirs import REHEARSAL

ANSWER_SECONDS = 2.0
LOGS = "process-logs"
CURRENT = ("serving", "orphaned", "ready", "starting", "waiting", "draining", "stopping")  # the first one is shown


@dataclass(frozen=True, slots=True)
class StackService:
    """One service of a running gateway.

    Attributes:
        name: Its name.
        phase: The phase of the generation that serves, else of another one.
        host: Its address.
        port: Its port.
        generation: Number of that generation.
        pid: Its process.
    """

    name: str
    phase: str
    host: str
    port: int
    generation: int
    pid: int | None


@dataclass(frozen=True, slots=True)
class Stack:
    """One running gateway.

    Attributes:
        runtime: Its runtime folder.
        supervisor: The supervisor's pid; None if it was killed and its services still run.
        answers: The supervisor answered. If not, the services are those of the records.
        since: When its oldest process started.
        config: The config that it was started with; empty if it is not known.
        profile: The profile that serves; empty if it is not known.
        services: What runs.
    """

    runtime: Path
    supervisor: int | None
    answers: bool
    since: datetime
    config: str
    profile: str
    services: tuple[StackService, ...]

    @property
    def is_rehearsal(self) -> bool:
        """Whether it is the private copy of a rehearsal, which ends with it."""
        return any(part.startswith(REHEARSAL) for part in self.runtime.parts)


def running(*, ask: bool = True) -> list[Stack]:
    """Return the gateways of this user that run, the oldest first.

    Args:
        ask: Ask each supervisor; otherwise the records alone are read, which takes no time if one hangs.
    """
    own = os.getuid()
    pids = [pid for pid in process_table.pids() if process_table.owner_uid(pid) == own]
    found: dict[Path, Identity | None] = {}
    for pid in pids:
        argv = process_table.argv(pid)
        if DAEMON in argv[:-1] and (identity := processes.identify(pid)) is not None:
            found[Path(argv[argv.index(DAEMON) + 1])] = identity
    for pid in pids:
        output = process_table.output_file(pid)
        if output is None or output.parent.name != LOGS or (runtime := output.parent.parent) in found:
            continue
        if _is_recorded(pid, runtime):
            found[runtime] = None
    stacks = [_stack(runtime, supervisor, ask) for runtime, supervisor in found.items()]
    return sorted((one for one in stacks if one is not None), key=lambda one: one.since)


def _is_recorded(pid: int, runtime: Path) -> bool:
    try:
        return any(record["pid"] == pid for record in orphans.living(runtime / "run"))
    except OSError:  # a folder that is not ours
        return False


def _stack(runtime: Path, supervisor: Identity | None, ask: bool) -> Stack | None:
    try:
        services = _asked(runtime) if supervisor is not None and ask else None
        recorded = orphans.living(runtime / "run")
        shown = services if services is not None else orphans.describe(runtime / "run")
    except (FlowGateError, OSError):
        services, recorded, shown = None, [], {}
    members = [orphans.identity(record) for record in recorded] + ([supervisor] if supervisor else [])
    if not members or (supervisor is not None and not processes.alive(supervisor)):
        return None
    age = max(process_table.age(one.ticks) for one in members)
    found = tuple(_service(name, one) for name, one in shown.items() if one["generations"])
    tellers = [*filter(None, map(_shown, (one["generations"] for one in shown.values()))), *recorded]
    labels = next((one["labels"] for one in tellers if "config" in one.get("labels", {})), {})
    return Stack(
        runtime=runtime,
        supervisor=supervisor.pid if supervisor else None,
        answers=services is not None,
        since=Clock().wall() - timedelta(seconds=age),
        config=labels.get("config", ""),
        profile=labels.get("profile", ""),
        services=found,
    )


def _asked(runtime: Path) -> dict[str, ServiceStatus] | None:
    """Return what a supervisor of any FlowGate says that it runs; None if it does not answer."""
    sock = sockets.connect_unix(sockets.unix_path(runtime / "run", SOCKET_NAME), ANSWER_SECONDS)
    if sock is None:
        return None
    with sock:
        try:
            reply = daemon_process.exchange(sock, {"verb": "status"}, ANSWER_SECONDS)
        except TimeoutError:
            return None
    return reply["status"]["services"] if reply and "status" in reply else None


def _shown(generations: list[GenerationStatus]) -> GenerationStatus | None:
    return min(generations, key=lambda one: (CURRENT.index(one["phase"]), -one["number"]), default=None)


def _service(name: str, found: ServiceStatus) -> StackService:
    shown = _shown(found["generations"])
    assert shown is not None
    return StackService(name, shown["phase"], shown["host"], shown["port"], shown["number"], shown.get("pid"))
