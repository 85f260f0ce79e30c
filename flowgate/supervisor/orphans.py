"""What a killed keeper left running: found by its records, believed only by pid and start time, and taken down."""

from __future__ import annotations

import json
import signal
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.errors import FlowGateError
from flowgate.system import files, processes
from flowgate.system.clock import Clock, poll
from flowgate.system.processes import Identity

if TYPE_CHECKING:
    from flowgate.supervisor.journal import Journal

GRACE_SECONDS = 5.0


def records(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Read the records of generations: (file, record); an unreadable one has an empty record."""
    found = []
    for path in sorted(folder.glob("*-*.json")):
        try:
            record = json.loads(files.read_text_or_none(path) or "")
        except (ValueError, FlowGateError):  # half-written, or none of ours: nothing in it can be believed
            record = {}
        found.append((path, record if isinstance(record, dict) else {}))
    return found


def living(folder: Path) -> list[dict[str, Any]]:
    """Give the records whose process is still the same and alive."""
    return [record for _, record in records(folder) if is_living(record)]


def is_living(record: dict[str, Any]) -> bool:
    """Say whether a record's process is still the same and alive."""
    return bool(record) and processes.alive(_identity(record))


def _identity(record: dict[str, Any]) -> Identity:
    return Identity(int(record.get("pid", 0)), int(record.get("ticks", -1)))


def sweep(folder: Path, journal: Journal, spared: Collection[Path] = ()) -> None:
    """Take down what an earlier keeper left running, and remove its records and sockets.

    A record that names a stranger's process (the number was given out again) is removed, and the stranger left alone.

    Args:
        spared: Records of what goes on; their sockets stay too.
    """
    left = [record for path, record in records(folder) if path not in spared and is_living(record)]
    members = [one for record in left for one in processes.tree(_identity(record))]
    for record in left:
        journal.say(f"{record['service']} {record['number']}: left behind by an earlier keeper; taken down")
    processes.signal_tree(members, signal.SIGTERM)
    gone = poll(lambda: not any(processes.alive(one) for one in members), Clock(), every=0.05, timeout=GRACE_SECONDS)
    if not gone:
        processes.signal_tree(members, signal.SIGKILL)
    for path, _ in records(folder):
        if path not in spared:
            path.unlink(missing_ok=True)
    for path in folder.glob("*.sock"):
        if path.with_suffix(".json") not in spared:
            path.unlink(missing_ok=True)
