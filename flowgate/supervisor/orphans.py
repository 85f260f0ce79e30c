"""What a killed supervisor left running: found by record files, identified by pid and start time.

A record describes one generation. Its secrets are not in it.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import cast

from flowgate.errors import FlowGateError
from flowgate.supervisor import legacy, shared_folder
from flowgate.supervisor.program_tree import ProgramTree
from flowgate.supervisor.status_document import GenerationStatus, ServiceStatus
from flowgate.system import files, processes
from flowgate.system.clock import Clock, poll
from flowgate.system.processes import Identity

GRACE_SECONDS = 5.0
RECORD = re.compile(r".+-\d+(\.\d+)?\.json")  # as `worker_client.stem` names them; `run` keeps other files beside them
KILL_SECONDS = 2.0  # a killed process releases its sockets within milliseconds, unless the machine is busy


class GenerationRecord(ProgramTree, total=False):
    """The content of a record file.

    Attributes:
        worker: Which of the workers of its generation it is; absent in records of an earlier FlowGate.
        names: Names of the program's environment variables.
        paths: Paths of its documents.
    """

    number: int
    worker: int
    pid: int
    ticks: int
    private_address: list[str | int]
    names: list[str]
    paths: list[str]


def records(folder: Path) -> list[tuple[Path, GenerationRecord]]:
    """Read the records of generations.

    Args:
        folder: `run/` of the runtime folder.

    Returns:
        Each file with its record; the record of a file that is damaged or names no generation is empty.
    """
    found = []
    for path in sorted(path for path in folder.glob("*-*.json") if RECORD.fullmatch(path.name)):
        try:
            record = json.loads(files.read_text_or_none(path) or "")
        except (ValueError, FlowGateError):  # half-written, or not one of our files
            record = {}
        known = isinstance(record, dict) and {"service", "number"} <= record.keys()
        found.append((path, cast("GenerationRecord", legacy.current_program(record) if known else {})))
    return found


def living(folder: Path) -> list[GenerationRecord]:
    """Return the records whose process is still running."""
    return [record for _, record in records(folder) if is_living(record)]


def ended(folder: Path) -> list[GenerationRecord]:
    """Return the records whose process has ended although nobody stopped it: a stop deletes its record."""
    return [record for _, record in records(folder) if record and not is_living(record)]


def describe(folder: Path) -> dict[str, ServiceStatus]:
    """Describe the processes that run without a supervisor, as services of a status document."""
    services: dict[str, ServiceStatus] = {}
    for record in living(folder):
        service = services.setdefault(record["service"], {"wanted": False, "restarts": 0, "generations": []})
        if any(one["number"] == record["number"] for one in service["generations"]):
            continue  # another worker of the same generation
        generation: GenerationStatus = {
            "number": record["number"],
            "phase": "orphaned",
            "pid": record["pid"],
            "ticks": record["ticks"],
            "host": record.get("host", ""),
            "port": record.get("port", 0),
            "labels": record.get("labels", {}),
            "digest": record.get("digest", ""),
            "log": record.get("log", ""),
            "private_address": record.get("private_address", []),
        }
        service["generations"].append(generation)
    return services


def is_living(record: GenerationRecord) -> bool:
    """Return whether the process of a record is still running; another process with its pid does not count."""
    return bool(record) and processes.alive(identity(record))


def identity(record: GenerationRecord) -> Identity:
    """Return the process that a record names."""
    return Identity(int(record.get("pid", 0)), int(record.get("ticks", -1)))


def sweep(folder: Path, log: Callable[[str], None], spared: Collection[Path] = ()) -> None:
    """Stop what an earlier supervisor left running, and remove its records and sockets.

    A record that names another process (the pid was reused) is removed; that process is left alone.

    Args:
        folder: `run/` of the runtime folder.
        log: Writes a line into the supervisor's log.
        spared: Records of the generations that keep running; their sockets stay too.
    """
    left = [record for path, record in records(folder) if path not in spared and is_living(record)]
    members = [one for record in left for one in processes.tree(identity(record))]
    for record in left:
        log(f"{record['service']} {record['number']}: left running by an earlier supervisor; stopped")
    processes.signal_tree(members, signal.SIGTERM)
    if not _wait_for_end(members, GRACE_SECONDS):
        processes.signal_tree(members, signal.SIGKILL)
        _wait_for_end(members, KILL_SECONDS)  # until then their ports are taken
    for path, _ in records(folder):
        if path not in spared and not files.discard(path):
            log(f"{path} cannot be deleted: move it away")
    shared_folder.sweep(folder, {path.stem.partition(".")[0] for path in spared})
    for path in folder.glob("*.sock"):
        if path.with_suffix(".json") not in spared:
            files.discard(path)


def _wait_for_end(members: Collection[Identity], seconds: float) -> bool:
    ended = poll(lambda: not any(processes.alive(one) for one in members), Clock(), every=0.05, timeout=seconds)
    return bool(ended)
