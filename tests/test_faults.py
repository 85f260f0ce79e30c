"""Faults around the gateway, met by whole commands: each says what is wrong, and the gateway goes on serving."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import CompletedCommand, Workspace


def served_profile(workspace: Workspace) -> list[str]:
    """Ask the process behind the public port which profile it has read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{workspace.litellm_port}/profile", timeout=10) as answer:
        found: list[str] = json.load(answer)
        return found


# --- what a run started is what it means


@pytest.mark.parametrize("command", [["service.restart"], ["service.reload"], ["profile.set", "cost"]])
def test_a_fresh_generation_that_fails_is_never_reported_as_in_force(workspace: Workspace, command: list[str]) -> None:
    workspace.inv("up", "--profile", "balanced")
    (workspace.runtime / "run" / "litellm-2.json").mkdir()
    done = workspace.start(*command).wait_for_exit(60)
    assert done.returncode == 3, done.stderr
    assert "litellm-2.json is not a regular file" in done.stderr
    assert workspace.json("health")["ok"]
    assert served_profile(workspace) == ["balanced"]
    assert workspace.json("status")["profile"]["name"] == "balanced"


# --- FIFOs, devices and folders in the place of files


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("missing/below")


KINDS = (os.mkfifo, Path.mkdir, endless, dangling)
FILES = (
    "state.json",
    "events.log",
    "lock",
    "supervisor.lock",
    "cliproxyapi.yaml",
    "litellm.active.yaml",
    "bin/litellm",
    "bin/embedded-upstream",
    "../secrets/litellm-master-key",
    "../secrets/upstream-api-key",
    "../logs/flowgate.log",
    "process-logs/litellm.log",
    "process-logs/cliproxyapi_plus.log",
    "run/litellm-1.json",
    "run/litellm-2.json",
    "run/supervisor.sock",
)
COMMANDS = ("status", "up", "profile.set cost", "health", "events", "service.logs litellm", "doctor", "down")
SECONDS = 10.0


def put(workspace: Workspace, file: str, kind: Callable[[Path], object]) -> None:
    """Put something else in the place of a file."""
    path = workspace.runtime / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    kind(path)


def run_all(workspace: Workspace) -> dict[str, CompletedCommand]:
    """Run each command; none may wait."""
    done = {}
    for words in COMMANDS:
        began = time.monotonic()
        done[words] = workspace.start(*words.split()).wait_for_exit(60)
        assert time.monotonic() - began < SECONDS, (words, done[words].stderr)
        assert done[words].returncode in (0, 1, 2, 3), (words, done[words].stderr)
    return done


SAMPLED = 17  # one of so many cases is tested in every run
CASES = [
    pytest.param(*case, marks=() if number % SAMPLED == 0 else pytest.mark.long)
    for number, case in enumerate(itertools.product(FILES, KINDS, [False, True]))
]


@pytest.mark.parametrize("file, kind, running", CASES)
def test_no_command_waits_for_what_is_no_file(
    workspace: Workspace, file: str, kind: Callable[[Path], object], running: bool
) -> None:
    workspace.inv("up", "--profile", "balanced")
    if not running:
        workspace.inv("down")
    put(workspace, file, kind)
    done = run_all(workspace)
    path = workspace.runtime / file
    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    workspace.inv("up")
    assert workspace.json("health")["ok"], done


# --- killed, stopped and deleted


def test_after_a_kill_of_everything_status_says_what_was_there_and_what_brings_it_back(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "cost")
    workspace.kill_processes()
    assert workspace.json("status")["lost"] == ["cliproxyapi_plus generation 1", "litellm generation 1"]
    said = workspace.inv("status").stderr
    assert "ended without a stop" in said
    assert "fix: inv up, which starts profile cost" in said
    workspace.inv("up")
    assert (workspace.json("status")["lost"], served_profile(workspace)) == ([], ["cost"])


def test_after_a_stop_nothing_is_lost(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.inv("down")
    assert workspace.json("status")["lost"] == []


def test_a_deleted_folder_does_not_hide_what_serves(workspace: Workspace) -> None:
    workspace.inv("up")
    shutil.rmtree(workspace.runtime.parent)
    assert workspace.json("status")["services"]["litellm"]["state"] == "serving"
    workspace.inv("down")


def test_a_stopped_supervisor_is_named_and_replaced_without_a_loss(workspace: Workspace) -> None:
    workspace.inv("up")
    pid = workspace.json("status")["supervisor"]
    os.kill(pid, signal.SIGSTOP)
    said = workspace.inv("status", code=3).stderr
    assert f"the supervisor (pid {pid}) has not answered for 5 s" in said
    assert "inv service.recover" in said
    assert "adopted litellm generation 1" in workspace.inv("service.recover").stdout
    assert workspace.json("health")["ok"]


def test_a_supervisor_that_answers_is_left_alone(workspace: Workspace) -> None:
    workspace.inv("up")
    before = workspace.json("status")["supervisor"]
    workspace.inv("service.recover")
    assert workspace.json("status")["supervisor"] == before
