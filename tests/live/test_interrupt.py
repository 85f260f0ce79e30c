"""Ctrl-C and kill -9 at every step of the smoke: all is stopped, and the next run works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from tests.conftest import Ground, Running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="holds reads on a pipe, looks into /proc")

Stop = Callable[["Ground"], "Running"]


def in_download(ground: Ground) -> Running:
    """The step reads its runner, which is a pipe that nobody fills."""
    return _reading_a_pipe(ground, "bin/litellm", "config:")


def in_render(ground: Ground) -> Running:
    """The step reads its document, which is a pipe that nobody fills."""
    return _reading_a_pipe(ground, "cliproxyapi.yaml", "Download")


def _reading_a_pipe(ground: Ground, name: str, after: str) -> Running:
    pipe = ground.runtime / name
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    running = ground.begin("smoke")
    running.says(after)
    assert wait(lambda: _where(running.process.pid) == "wait_for_partner")
    pipe.unlink()
    return running


def _where(pid: int) -> str:
    """Say what a process sleeps in."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return ""


def in_start(ground: Ground) -> Running:
    """LiteLLM waits for an upstream that never becomes ready."""
    ground.change(("    readiness_path: /health", "    depends_on: [cliproxyapi_plus]\n    readiness_path: /health"))
    ground.behave(upstream={"ready": False})
    return _after_sight_of(ground, "upstream /")


def in_wait_healthy(ground: Ground) -> Running:
    """LiteLLM never becomes ready."""
    ground.behave(litellm={"ready": False})
    running = _after_sight_of(ground, "litellm /health")
    running.says("~ Start")
    return running


def in_smoke(ground: Ground) -> Running:
    """LiteLLM never answers the question."""
    ground.behave(litellm={"hangs_on": "/v1/models"})
    return _after_sight_of(ground, "litellm /v1/models")


def in_stop(ground: Ground) -> Running:
    """LiteLLM takes its time to leave."""
    ground.behave(litellm={"leaves_after": 1.0})
    return _after_sight_of(ground, "litellm term")


def _after_sight_of(ground: Ground, what: str) -> Running:
    running = ground.begin("smoke")
    assert wait(lambda: ground.seen(what), 20.0), running.said()
    return running


STEPS = (in_download, in_render, in_start, in_wait_healthy, in_smoke, in_stop)


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_stops_everything_and_ends_with_130(ground: Ground, step: Stop) -> None:
    running = step(ground)
    running.signal(signal.SIGINT)
    done = running.ends()
    assert done.returncode == 130, done.stderr
    assert "interrupted" in done.stderr
    assert ground.processes() == []


@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_nothing_is_left_and_the_next_run_works(ground: Ground, step: Stop) -> None:
    running = step(ground)
    running.signal(signal.SIGKILL)
    assert running.ends().returncode == -signal.SIGKILL
    ground.behave()
    assert "PASS" in ground.inv("smoke").stdout
    assert ground.processes() == []
    assert not list(ground.runtime.rglob("*.tmp"))


def test_kill_9_alone_takes_down_what_the_command_had_started(ground: Ground) -> None:
    running = in_smoke(ground)
    running.signal(signal.SIGKILL)
    assert wait(lambda: not ground.services(), 5.0)
    assert ground.is_quiet()


def test_ctrl_c_during_up_leaves_nothing_behind(ground: Ground) -> None:
    ground.behave(litellm={"ready": False})
    running = ground.begin("up")
    assert wait(lambda: ground.seen("litellm /health"), 20.0)
    running.signal(signal.SIGINT)
    assert running.ends().returncode == 130
    assert ground.processes() == []


def test_ctrl_c_during_a_switch_leaves_the_old_profile_serving(ground: Ground) -> None:
    ground.inv("up", "--profile", "balanced")
    ground.behave(litellm={"hangs_on": "/v1/models"})
    running = ground.begin("profile.set", "cost")
    assert wait(lambda: ground.seen("/v1/models"), 20.0)
    ground.behave()
    running.signal(signal.SIGINT)
    assert running.ends().returncode == 130
    assert wait(lambda: _served(ground) == "balanced", 10.0)


def _served(ground: Ground) -> str | None:
    litellm = ground.json("status")["services"]["litellm"]
    return litellm["profile"] if litellm["state"] == "serving" else None


def test_a_smoke_beside_a_running_stack_can_be_interrupted_without_harm(ground: Ground) -> None:
    ground.inv("up")
    before = sorted(one.pid for one in ground.services())
    ground.behave(litellm={"hangs_on": "/v1/models"})
    running = ground.begin("smoke")
    assert wait(lambda: ground.seen("/v1/models"), 20.0)
    running.signal(signal.SIGINT)
    assert running.ends().returncode == 130
    assert sorted(one.pid for one in ground.services()) == before


@pytest.mark.long
@pytest.mark.parametrize("moment", range(24))
def test_after_kill_9_at_any_moment_the_next_run_works(ground: Ground, moment: int) -> None:
    running = ground.begin("smoke")
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(0.06 * moment)
    running.signal(signal.SIGKILL)
    running.ends()
    assert "PASS" in ground.inv("smoke").stdout
    assert ground.processes() == []


@pytest.mark.long
@pytest.mark.parametrize("moment", range(24))
def test_ctrl_c_at_any_moment_stops_everything(ground: Ground, moment: int) -> None:
    running = ground.begin("smoke")
    running.says("config:")
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(0.04 * moment)
    running.signal(signal.SIGINT)
    # After its last line Python closes down with the system's own answer to Ctrl-C, which a shell calls 130 too.
    assert running.ends().returncode in (0, 130, -signal.SIGINT)
    assert ground.processes() == []
