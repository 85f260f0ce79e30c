"""The supervisor is killed while a command starts the gateway: no process is lost, no port stays taken, `up` works."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.supervisor import orphans
from flowgate.system import processes, sockets
from tests.conftest import SUPERVISOR_MODULE, wait

if TYPE_CHECKING:
    from tests.conftest import Workspace

SAMPLED = 35
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


def known(workspace: Workspace) -> set[int]:
    """Return the processes that the records name, and those below them."""
    living = orphans.living(workspace.runtime / "run")
    return {one.pid for record in living for one in processes.tree(orphans.identity(record))}


@pytest.mark.parametrize(
    "delay", [pytest.param(one, marks=() if one == SAMPLED else pytest.mark.long) for one in DELAYS]
)
def test_a_supervisor_killed_while_it_starts_the_gateway_costs_nothing(workspace: Workspace, delay: int) -> None:
    starting = workspace.start("up", "--profile", "cost")
    assert wait(lambda: find_supervisor(workspace.runtime), 60)
    pid = find_supervisor(workspace.runtime)
    wait(lambda: False, delay / 1000)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert starting.wait_for_exit(60).returncode in (0, 3)
    lost = {one.pid for one in workspace.services()} - known(workspace)
    assert wait(lambda: not lost & {one.pid for one in workspace.services()}, 5), workspace.services()
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
    ("service.stop", "--service", "cliproxyapi_plus"),
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


LONG = [pytest.param(first, 20, end, marks=pytest.mark.long) for first in (0, 3, 7, 11, 15) for end in ("down", "up")]


@pytest.mark.parametrize("first, count, end", [(5, 8, "up"), *LONG])
def test_mixed_commands_at_the_same_time_leave_a_consistent_state(
    workspace: Workspace, first: int, count: int, end: str
) -> None:
    order = [*MIXED[first:], *MIXED[:first]][:count]
    begun = [workspace.start(*words) for words in order]
    done = [one.wait_for_exit(180) for one in begun]
    assert {one.returncode for one in done} <= {0, 1, 3}, [(one.args, one.stderr) for one in done if one.returncode]
    assert serving(workspace) in ({"litellm", "cliproxyapi_plus"}, {"cliproxyapi_plus"}, set())
    assert not {one.pid for one in workspace.services()} - known(workspace)
    workspace.inv(end)
    if end == "up":
        named = json.loads((workspace.runtime / "state.json").read_text())["current_profile"]
        assert workspace.json("health")["ok"]
        assert workspace.json("status")["services"]["litellm"]["profile"] == named
    else:
        assert workspace.nothing_runs()
