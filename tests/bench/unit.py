"""The installed unit under a real `systemd --user`, compared with plain `litellm --config`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from flowgate.system.clock import Clock, poll
from tests.bench.gateway import READY_SECONDS, is_ready, start_plain, write_config
from tests.bench.measure import Group, Row, alternate_all
from tests.conftest import Workspace
from tests.systemd_manager import UserManager

NAMES = ("unit_start", "unit_killed")
BOUND = 1.05
SLOWER_SECONDS = READY_SECONDS * 2
WHAT = {
    "unit_start": "LiteLLM serves after `systemctl start`",
    "unit_killed": "LiteLLM serves again after everything of the unit was killed",
}


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the unit as `inv service.install` writes it, with its own wait before a restart."""
    with tempfile.TemporaryDirectory(prefix="fg") as name:
        workspace = Workspace(Path(name))
        write_config(workspace.folder, (workspace.litellm_port, workspace.upstream_port))
        manager = UserManager(workspace)
        try:
            reason = manager.start()
            if reason:
                print(f"- the unit is not measured: {reason}")
                return
            yield from _measure(workspace, manager, pairs, wanted)
        finally:
            manager.stop()
            workspace.kill_processes()


UNIT = Group(NAMES, run)


def _measure(workspace: Workspace, manager: UserManager, pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    done = workspace.start("service.install", before=manager.inside).wait_for_exit(SLOWER_SECONDS)
    if done.returncode:
        raise RuntimeError(f"`inv service.install` failed:\n{done.stderr}\n{manager.log()}")
    config = next((workspace.folder / "runtime").glob("litellm-*.yaml"))
    port, works = workspace.litellm_port, dict[str, Callable[[], float]]()
    works["unit_start"] = lambda: _started(manager, port)
    works["unit_killed"] = lambda: _killed(manager, port)
    chosen = [one for one in NAMES if one in wanted]
    plain, *found = alternate_all(pairs, lambda: start_plain(config, workspace.folder), *(works[one] for one in chosen))
    baseline = statistics.median(plain)
    for one, seconds in zip(chosen, found, strict=True):
        ratios = sorted(mine / bare for mine, bare in zip(seconds, plain, strict=True))
        what = f"{WHAT[one]} (in pairs {ratios[0]:.2f} to {ratios[-1]:.2f})"
        yield Row(one, what, statistics.median(seconds), baseline, BOUND)


def _started(manager: UserManager, port: int) -> float:
    """Start the stopped unit; return the seconds until it serves."""
    manager.systemctl("stop", "flowgate")
    return _until_serving(manager, port, "start", "--no-block", "flowgate")


def _killed(manager: UserManager, port: int) -> float:
    """Kill all processes of the unit at once; return the seconds until it serves again."""
    manager.systemctl("start", "flowgate")
    return _until_serving(manager, port, "kill", "--signal=KILL", "--kill-whom=all", "flowgate")


def _until_serving(manager: UserManager, port: int, *words: str) -> float:
    before = manager.show("MainPID")
    began = time.perf_counter()
    manager.systemctl(*words)

    def serves() -> bool:
        return is_ready(port) and manager.show("MainPID") not in ("0", before)

    if not poll(serves, Clock(), every=0.02, timeout=SLOWER_SECONDS):
        raise RuntimeError(f"the unit does not serve\n{manager.log()}")
    return time.perf_counter() - began
