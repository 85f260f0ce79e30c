"""Ctrl-C and SIGKILL at every step of the smoke: everything is stopped, and the next run works."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from tests.conftest import Running, Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")

Stop = Callable[["Workspace"], "Running"]


def in_download(workspace: Workspace) -> Running:
    """The first step has begun."""
    return _after_message(workspace, "config:")


def in_render(workspace: Workspace) -> Running:
    """The second step has begun."""
    return _after_message(workspace, "Download")


def _after_message(workspace: Workspace, message: str) -> Running:
    running = workspace.start("smoke", real=True)
    running.wait_for_message(message)
    return running


def in_start(workspace: Workspace) -> Running:
    """LiteLLM waits for an upstream that never becomes ready."""
    workspace.edit_config(
        ("    readiness_path: /health", "    depends_on: [cliproxyapi_plus]\n    readiness_path: /health")
    )
    workspace.set_behaviour(upstream={"ready": False})
    return _after_event(workspace, "upstream /")


def in_wait_healthy(workspace: Workspace) -> Running:
    """LiteLLM never becomes ready."""
    workspace.set_behaviour(litellm={"ready": False})
    running = _after_event(workspace, "litellm /health")
    running.wait_for_message("~ Start")
    return running


def in_smoke(workspace: Workspace) -> Running:
    """LiteLLM never responds."""
    workspace.set_behaviour(litellm={"hangs_on": "/v1/models"})
    return _after_event(workspace, "litellm /v1/models")


def in_stop(workspace: Workspace) -> Running:
    """LiteLLM exits slowly."""
    workspace.set_behaviour(litellm={"exits_after": 8.0})
    return _after_event(workspace, "litellm term")


def _after_event(workspace: Workspace, event: str) -> Running:
    running = workspace.start("smoke", real=True)
    assert wait(lambda: workspace.service_events(event)), running.stderr()
    return running


STEPS = (in_download, in_render, in_start, in_wait_healthy, in_smoke, in_stop)


# A shell shows both as 130. Python ends itself by the signal if Ctrl-C has interrupted `exec` of a text, as the
# creation of a dataclass does while a command imports its modules, even if the exception was handled.
INTERRUPTED = (130, -signal.SIGINT)


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_stops_everything_and_exits_with_130(workspace: Workspace, step: Stop) -> None:
    running = step(workspace)
    running.signal(signal.SIGINT)
    done = running.wait_for_exit()
    assert done.returncode in INTERRUPTED, done.stderr
    assert "interrupted" in done.stderr
    assert workspace.processes() == []


@pytest.mark.parametrize("step", STEPS)
def test_after_sigkill_nothing_runs_and_the_next_run_works(workspace: Workspace, step: Stop) -> None:
    running = step(workspace)
    running.signal(signal.SIGKILL)
    assert running.wait_for_exit().returncode == -signal.SIGKILL
    workspace.set_behaviour()
    assert "PASS" in workspace.inv("smoke").stdout
    assert workspace.processes() == []
    assert not list(workspace.runtime.rglob("*.tmp"))


def test_after_sigkill_the_supervisor_stops_the_services(workspace: Workspace) -> None:
    running = in_smoke(workspace)
    running.signal(signal.SIGKILL)
    assert wait(lambda: not workspace.services())
    assert workspace.nothing_runs()


def test_ctrl_c_during_up_stops_everything(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"ready": False})
    running = workspace.start("up", real=True)
    assert wait(lambda: workspace.service_events("litellm /health"))
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert workspace.processes() == []


def test_ctrl_c_during_a_switch_keeps_the_old_profile(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.set_behaviour(litellm={"hangs_on": "/v1/models"})
    running = workspace.start("profile.set", "cost", real=True)
    assert wait(lambda: workspace.service_events("/v1/models"))
    workspace.set_behaviour()
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert wait(lambda: _served(workspace) == "balanced")


def _served(workspace: Workspace) -> str | None:
    litellm = workspace.json("status")["services"]["litellm"]
    return litellm["profile"] if litellm["state"] == "serving" else None


def test_ctrl_c_during_a_smoke_does_not_affect_a_running_stack(workspace: Workspace) -> None:
    workspace.inv("up")
    before = sorted(one.pid for one in workspace.services())
    workspace.set_behaviour(litellm={"hangs_on": "/v1/models"})
    running = workspace.start("smoke", real=True)
    assert wait(lambda: workspace.service_events("/v1/models"))
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
    assert sorted(one.pid for one in workspace.services()) == before


@pytest.mark.long
@pytest.mark.parametrize("moment", range(24))
def test_after_sigkill_at_any_moment_the_next_run_works(workspace: Workspace, moment: int) -> None:
    running = workspace.start("smoke", real=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(0.06 * moment)
    running.signal(signal.SIGKILL)
    running.wait_for_exit()
    assert "PASS" in workspace.inv("smoke").stdout
    assert workspace.processes() == []


@pytest.mark.long
@pytest.mark.parametrize("moment", range(24))
def test_ctrl_c_at_any_moment_stops_everything(workspace: Workspace, moment: int) -> None:
    running = workspace.start("smoke", real=True)
    running.wait_for_message("config:")
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(0.04 * moment)
    running.signal(signal.SIGINT)
    # While Python shuts down, Ctrl-C has its default effect, for which a shell shows 130 too.
    assert running.wait_for_exit().returncode in (0, 130, -signal.SIGINT)
    assert workspace.processes() == []
