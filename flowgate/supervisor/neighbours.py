"""Processes of another FlowGate: recognised by the supervisor above them, and named with its config."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from flowgate.errors import FlowGateError
from flowgate.supervisor.daemon_process import DAEMON
from flowgate.system import files, process_table

GENERATIONS = 8  # processes between one that listens and its supervisor, at most
HEAD = re.compile(r"# Written by FlowGate for profile .* of (?P<file>/.*\.\w+)\. Change that file")


class Neighbour(NamedTuple):
    """What runs a process.

    Attributes:
        what: Words that name it.
        fix: How to stop it, and what to do otherwise.
    """

    what: str
    fix: str


def of_process(pid: int | None, service: str, own: Path) -> Neighbour | None:
    """Return the other FlowGate that runs a process; None if none does.

    Args:
        pid: The process; None if it is not visible.
        service: The service whose port it has.
        own: The runtime folder of this FlowGate.
    """
    runtime = _runtime(pid)
    if runtime is None or runtime == own:
        return None
    instead = f"set services.{service}.port to a free port"
    config = _config(runtime)
    if config is None:
        return Neighbour(f"another FlowGate, with the runtime folder {runtime}", instead)
    return Neighbour(f"another FlowGate, of {config}", f"FLOWGATE_CONFIG={quote(str(config))} inv down, or {instead}")


def _runtime(pid: int | None) -> Path | None:
    """Return the runtime folder of the supervisor that is the process, or above it."""
    for _ in range(GENERATIONS):
        row = process_table.row(pid) if pid else None
        if row is None:
            return None
        words = process_table.argv(row.pid)
        if DAEMON in words and len(words) > words.index(DAEMON) + 1:
            return Path(words[words.index(DAEMON) + 1])
        pid = row.parent
    return None


def _config(runtime: Path) -> Path | None:
    """Return the config that its newest rendered file names."""
    try:
        heads = [(files.read_text_or_none(one) or "").partition("\n")[0] for one in files.listing(runtime, "*-*.yaml")]
    except FlowGateError:
        return None
    return next((Path(found["file"]) for head in heads if (found := HEAD.match(head))), None)
