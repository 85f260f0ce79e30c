"""The supervisor is killed while a command starts the gateway: no process is lost, no port stays taken, `up` works."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from flowgate.supervisor import orphans
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.conftest import SUPERVISOR_MODULE, wait

if TYPE_CHECKING:
    from tests.conftest import Workspace

DELAYS = [
    0,
    2,
    5,
    8,
    11,
    15,
    20,
    25,
    30,
    35,
    40,
    45,
    50,
    55,
    60,
    70,
    75,
    80,
    90,
    100,
]  # ms after the supervisor appeared


def find_supervisor(runtime: Path) -> int | None:
    return processes.find((SUPERVISOR_MODULE, str(runtime)))


def kill_supervisor(runtime: Path, delay: int | None) -> None:
    """Kill the supervisor after some milliseconds; without a delay, as soon as it has a child."""
    pid = find_supervisor(runtime)
    assert pid is not None
    if delay is None:
        poll(lambda: psutil.Process(pid).children(), Clock(), every=0.001, timeout=60)
    else:
        poll(lambda: None, Clock(), every=0.001, timeout=delay / 1000)
    os.kill(pid, signal.SIGKILL)


def known(workspace: Workspace) -> set[int]:
    """Return the processes that the records name, and those below them."""
    living = orphans.living(workspace.runtime / "run")
    return {one.pid for record in living for one in processes.tree(orphans.identity(record))}


@pytest.mark.parametrize("delay", [None, *(pytest.param(one, marks=pytest.mark.long) for one in DELAYS)])
def test_a_supervisor_killed_while_it_starts_the_gateway_costs_nothing(workspace: Workspace, delay: int | None) -> None:
    starting = workspace.start("up", "--profile", "cost")
    assert wait(lambda: find_supervisor(workspace.runtime), 60)
    kill_supervisor(workspace.runtime, delay)
    assert starting.wait_for_exit().returncode in (0, 3)
    lost = {one.pid for one in workspace.services()} - known(workspace)
    assert wait(lambda: not lost & {one.pid for one in workspace.services()}), workspace.services()
    workspace.inv("up")
    assert workspace.json("health")["ok"]
    workspace.inv("down")
    assert workspace.nothing_runs()
    assert all(sockets.is_free("127.0.0.1", port) for port in (workspace.litellm_port, workspace.upstream_port))


# --- many commands at once

MIXED = (
    ("up",),
    ("profile.set", "cost"),
    ("service.restart",),
    ("service.reload",),
    ("status",),
    ("down",),
    ("profile.set", "reliability"),
    ("service.restart", "--service", "litellm"),
    ("service.restart", "--service", "cliproxyapi_plus", "--now"),
    ("health",),
    ("service.start", "--service", "litellm"),
    ("profile.set", "balanced"),
    ("down",),
    ("up", "--profile", "cost"),
    ("service.reload",),
    ("doctor",),
    ("service.restart", "--service", "cliproxyapi_plus"),
    ("up",),
    ("profile.set", "cost"),
    ("status",),
)


def serving(workspace: Workspace) -> set[str]:
    services = workspace.json("status")["services"]
    return {name for name, one in services.items() if one["state"] == "serving"}


def serves_its_profile(workspace: Workspace) -> bool:
    named = json.loads((workspace.runtime / "state.json").read_text())["current_profile"]
    served = workspace.json("status")["services"]["litellm"]["profile"]
    return bool(workspace.json("health")["ok"]) and served == named


@pytest.mark.long  # in every run: `test_waiting_commands.py`, two commands at once
@pytest.mark.parametrize("first", [0, 3, 7, 11, 15])
@pytest.mark.parametrize("end", ["down", "up"])
def test_mixed_commands_at_the_same_time_leave_a_consistent_state(workspace: Workspace, first: int, end: str) -> None:
    order = [*MIXED[first:], *MIXED[:first]]
    begun = [workspace.start(*words) for words in order]
    done = [one.wait_for_exit(180) for one in begun]
    assert {one.returncode for one in done} <= {0, 1, 3}, [(one.args, one.stderr) for one in done if one.returncode]
    assert serving(workspace) in ({"litellm", "cliproxyapi_plus"}, {"cliproxyapi_plus"}, set())
    assert not {one.pid for one in workspace.services()} - known(workspace)
    workspace.inv(end)
    assert end == "down" or serves_its_profile(workspace)
    assert end == "up" or workspace.nothing_runs()
