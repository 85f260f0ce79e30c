"""Names that FlowGate used before the protocol had a version, so that a running gateway survives the upgrade.

A supervisor of that time is replaced (see `daemon_process`). Its workers keep serving: they are adopted, and their
words are translated here and nowhere else.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.supervisor.program_tree import ProgramTree
    from flowgate.supervisor.protocol import WorkerCommand, WorkerEvent

SOCKET_NAME = "keeper.sock"
LOCK_NAME = "keeper.lock"
DAEMON = "flowgate.keeper.daemon"

MODULES = {
    "flowgate.keeper.child": "flowgate.supervisor.worker",
    "flowgate.keeper.doors": "flowgate.supervisor.worker_server",
    "flowgate.embedded": "flowgate.embedded_upstream",
}
KEYS = {
    "door": "private_address",
    "stands_on": "hold_while_down",
    "records": "recorded_headers",
    "nursery": "fork_server",
    "reserve": "fork_guard",
    "seen": "import_variables",
    "learnt": "module_cache",
    "rehearsal": "warmup",
    "questions": "requests",
    "answers": "responses",
}
COMMANDS = {
    "release": "let",
    "set_program": "remember",
    "get_program": "recall",
    "recent_requests": "recent",
    "query": "tell",
}
EVENTS = {"recalled": "program", "recent": "recent_requests", "told": "query_result"}
START = re.compile(r"(?<=exec )(?:'[^']*'|\S+) -m (?P<module>[\w.]+)(?=\s)")
MAX_SCRIPT_BYTES = 4096


def old_command(command: WorkerCommand) -> WorkerCommand:
    """Translate a command for a worker of an earlier FlowGate."""
    return {**command, "do": COMMANDS.get(command["do"], command["do"])}


def current_event(event: WorkerEvent) -> WorkerEvent:
    """Translate an event of a worker of an earlier FlowGate."""
    return {**event, "event": EVENTS.get(event["event"], event["event"])}


def current_program(tree: Mapping[str, object]) -> ProgramTree:
    """Translate a program of an earlier FlowGate, or one of this FlowGate, which stays as it is.

    Queries with the old name are dropped: they name functions that have moved. A command that starts a module directly
    starts the module of today.
    """
    current = _current_keys(tree)
    current.setdefault("queries", {})
    argv = current.get("argv")
    if isinstance(argv, list):
        current["argv"] = [MODULES.get(word, word) for word in argv]
    return cast("ProgramTree", current)


def _current_keys(tree: Mapping[str, object]) -> dict[str, object]:
    current = {KEYS.get(key, key): value for key, value in tree.items() if key != "tells"}
    for key in ("fork_server", "warmup"):
        inner = current.get(key)
        if isinstance(inner, dict):
            current[key] = _current_keys(inner)
    imports = current.get("imports")
    if isinstance(imports, list):
        current["imports"] = [MODULES.get(name, name) for name in imports]
    return current


def update_start_script(path: Path) -> None:
    """Make a start script that an earlier FlowGate wrote start the module of today, for a later respawn.

    Args:
        path: The program; anything but such a script is left alone.
    """
    if not path.is_file() or path.stat().st_size > MAX_SCRIPT_BYTES:
        return
    text = files.read_text_or_none(path) or ""

    def current(start: re.Match[str]) -> str:
        module = MODULES.get(start["module"])
        return f"{shlex.quote(sys.executable)} -m {module}" if module else start[0]

    updated = START.sub(current, text)
    if updated != text:
        files.write_atomic(path, updated, mode=path.stat().st_mode & 0o777)
