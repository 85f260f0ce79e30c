"""Faults around the gateway, met by whole commands: each says what is wrong, and the gateway goes on serving."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import Workspace


def served_profile(workspace: Workspace) -> list[str]:
    """Ask the process behind the public port which profile it has read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{workspace.litellm_port}/profile", timeout=60) as answer:
        found: list[str] = json.load(answer)
        return found


# --- what a run started is what it means


@pytest.mark.parametrize("command", [["service.restart"], ["service.reload"], ["profile.set", "cost"]])
def test_a_fresh_generation_that_fails_is_never_reported_as_in_force(workspace: Workspace, command: list[str]) -> None:
    workspace.inv("up", "--profile", "balanced")
    (workspace.runtime / "run" / "litellm-2.json").mkdir()
    done = workspace.start(*command).wait_for_exit()
    assert done.returncode == 3, done.stderr
    assert "litellm-2.json is not a regular file" in done.stderr
    until(lambda: workspace.start("health").wait_for_exit().returncode == 0)
    assert served_profile(workspace) == ["balanced"]
    assert workspace.json("status")["profile"]["name"] == "balanced"


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
