"""Many switches in a row: what the keeper, the nursery and the folder have grown by."""

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

NAMES = ("growth_memory", "growth_keeper", "growth_descriptors", "growth_processes", "growth_files", "growth_failed")
WARM_UP = 100  # switches before the first look: what a process keeps for good, it has by then
CLIENTS = 3
ALLOWED = 1.02


@dataclass(frozen=True, slots=True)
class Seen:
    """What there was at one moment. memory: of generations and nursery; keeper: of the keeper (bytes, PSS)"""

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
                before = _look(folder)
                _switch(pairs)
                after = _look(folder)
        finally:
            subprocess.run([inv, "down"], env=env, check=False, capture_output=True)
    failed = float(sum(bool(one.failure) for one in load.requests))
    what = f"after {pairs} switches, beside before"
    rows = [
        Row("growth_memory", f"memory of generations and nursery {what}", after.memory, before.memory, ALLOWED, "B"),
        Row("growth_keeper", f"memory of the keeper {what}", after.supervisor, before.supervisor, ALLOWED, "B"),
        Row("growth_descriptors", f"its descriptors {what}", after.descriptors, before.descriptors, ALLOWED, ""),
        Row("growth_processes", f"processes {what}", after.processes, before.processes, ALLOWED, ""),
        Row("growth_files", f"files of the runtime folder {what}", after.files, before.files, ALLOWED, ""),
        Row("growth_failed", f"failed of {len(load.requests)} questions meanwhile", failed, None, 0.0, ""),
    ]
    yield from (row for row in rows if row.name in wanted)


def _switch(count: int) -> None:
    """Switch in this process, as `inv profile.set` does, without the start of Python."""
    for number in range(count):
        with contextlib.redirect_stderr(io.StringIO()) as message:
            code = play.run("", "switch-profile", {}, profile=PROFILES[number % len(PROFILES)])
        if code:
            raise RuntimeError(message.getvalue())


def _look(folder: Path) -> Seen:
    """Look once the older generations have gone."""
    supervisor = SupervisorClient(folder / "runtime", folder / "keeper.log")

    def settled() -> bool:
        status = supervisor.status()
        return all(len(one["generations"]) == 1 for one in status["services"].values()) and bool(status["fork_servers"])

    poll(settled, Clock(), every=0.2, timeout=30)
    status = supervisor.status()
    supervisor.close()
    pids = [one["pid"] for one in status["services"]["litellm"]["generations"]]
    pids += [one["pid"] for one in status["fork_servers"]]
    pid = int(status["supervisor"])
    return Seen(
        memory=sum(share(one) for one in pids),
        supervisor=share(pid),
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        processes=len(processes.tree_of(pid)),
        files=sum(path.is_file() for path in (folder / "runtime").rglob("*")),
    )


GROWTH = Group(NAMES, run)
