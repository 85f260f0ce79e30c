"""Many switches in a row: how much the supervisor, the fork server and the runtime folder grow."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowgate.cli import play
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.bench.gateway import KEYS, write_config
from tests.bench.handover import PROFILES, share
from tests.bench.load import Load
from tests.bench.measure import BIN, Group, Row, environment

NAMES = (
    "growth_memory",
    "growth_supervisor",
    "growth_descriptors",
    "growth_processes",
    "growth_files",
    "growth_failed",
)
WARM_UP = 100  # switches before the first measurement: caches are full by then
CLIENTS = 3
ALLOWED = 1.02


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured at one moment.

    Attributes:
        memory: Bytes (PSS) of generations and fork server.
        supervisor: Bytes (PSS) of the supervisor.
        descriptors: Open file descriptors of the supervisor.
        processes: Processes of the supervisor's tree.
        files: Files in the runtime folder.
    """

    memory: float
    supervisor: float
    descriptors: int
    processes: int
    files: int


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Switch `pairs` times (1000 for the full number) under a light load, and compare before with after."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        more = {"FLOWGATE_CONFIG": str(write_config(folder, ports)), **KEYS}
        env, inv = environment(**more), str(BIN / "inv")
        os.environ.update(more)
        subprocess.run([inv, "up"], env=env, check=True, capture_output=True)
        try:
            load = Load(ports[0], KEYS["LITELLM_MASTER_KEY"], CLIENTS)
            with load.running():
                _switch(WARM_UP)
                before = _measure(folder)
                _switch(pairs)
                after = _measure(folder)
        finally:
            subprocess.run([inv, "down"], env=env, check=False, capture_output=True)
    failed = float(sum(bool(one.failure) for one in load.requests))
    what = f"after {pairs} switches, compared with before"
    rows = [
        Row(
            "growth_memory", f"memory of generations and fork server {what}", after.memory, before.memory, ALLOWED, "B"
        ),
        Row("growth_supervisor", f"memory of the supervisor {what}", after.supervisor, before.supervisor, ALLOWED, "B"),
        Row("growth_descriptors", f"its descriptors {what}", after.descriptors, before.descriptors, ALLOWED, ""),
        Row("growth_processes", f"processes {what}", after.processes, before.processes, ALLOWED, ""),
        Row("growth_files", f"files of the runtime folder {what}", after.files, before.files, ALLOWED, ""),
        Row("growth_failed", f"failed of {len(load.requests)} requests", failed, None, 0.0, ""),
    ]
    yield from (row for row in rows if row.name in wanted)


def _switch(count: int) -> None:
    """Switch in this process, as `inv profile.set` does, without the start of Python."""
    for number in range(count):
        with contextlib.redirect_stderr(io.StringIO()) as message:
            code = play.run("", "switch-profile", {}, profile=PROFILES[number % len(PROFILES)])
        if code:
            raise RuntimeError(message.getvalue())


def _measure(folder: Path) -> Seen:
    """Measure once the older generations have gone."""
    supervisor = SupervisorClient(folder / "runtime", folder / "supervisor.log")

    def settled() -> bool:
        status = supervisor.status()
        return all(len(one["generations"]) == 1 for one in status["services"].values()) and bool(status["fork_servers"])

    poll(settled, Clock(), every=0.2, timeout=30)
    status = supervisor.status()
    supervisor.close()
    pids = [one["pid"] for one in status["services"]["litellm"]["generations"]]
    pids += [one["pid"] for one in status["fork_servers"]]
    pid = status["supervisor"] or 0
    return Seen(
        memory=sum(share(one) for one in pids),
        supervisor=share(pid),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        processes=len(processes.tree_of(pid)),
        files=sum(path.is_file() for path in (folder / "runtime").rglob("*")),
    )


GROWTH = Group(NAMES, run)
