"""A command that waits for another one decides on what it finds afterwards, not on what it found before."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

from tests.conftest import until

if TYPE_CHECKING:
    from tests.conftest import CompletedCommand, Workspace


def served_profile(workspace: Workspace) -> list[str]:
    """Ask the process behind the public port which profile it has read."""
    with urllib.request.urlopen(f"http://127.0.0.1:{workspace.litellm_port}/profile", timeout=60) as answer:
        found: list[str] = json.load(answer)
        return found


def one_after_the_other(workspace: Workspace, first: list[str], second: list[str]) -> list[CompletedCommand]:
    """Start a command while another one holds the lock, and let both end."""
    workspace.set_behaviour(litellm={"ready": False})
    begun = [workspace.start(*first)]
    begun[0].wait_for_message("Start", 90)  # the first command may compile the environment
    begun.append(workspace.start(*second))
    begun[1].wait_for_message("waiting for '")
    assert "''" not in begun[1].stderr()
    workspace.set_behaviour()
    return [one.wait_for_exit() for one in begun]


def test_a_switch_that_waited_for_a_start_is_served(workspace: Workspace) -> None:
    done = one_after_the_other(workspace, ["up", "--profile", "balanced"], ["profile.set", "cost"])
    assert [one.returncode for one in done] == [0, 0], done
    assert served_profile(workspace) == ["cost"]
    assert workspace.json("status")["profile"]["name"] == "cost"


def test_a_start_that_waited_for_a_switch_keeps_the_new_profile(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    done = one_after_the_other(workspace, ["profile.set", "cost"], ["up"])
    assert [one.returncode for one in done] == [0, 0], done
    assert served_profile(workspace) == ["cost"]
    assert workspace.json("status")["profile"]["name"] == "cost"


def test_a_reload_that_waited_for_a_stop_says_that_nothing_runs(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.set_behaviour(litellm={"exits_after": 2})
    stopping = workspace.start("down")
    until(lambda: workspace.service_events("litellm term"))  # it has the lock
    done = workspace.start("service.reload").wait_for_exit()
    assert stopping.wait_for_exit().returncode == 0
    assert (done.returncode, "litellm is not running" in done.stderr) == (3, True), done.stderr


def test_a_restart_of_litellm_that_waited_for_a_stop_starts_what_it_needs(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "cost")
    workspace.set_behaviour(litellm={"exits_after": 2})
    stopping = workspace.start("down")
    until(lambda: workspace.service_events("litellm term"))  # it has the lock
    restarting = workspace.start("service.restart", "--service", "litellm")
    assert stopping.wait_for_exit().returncode == 0
    assert restarting.wait_for_exit().returncode == 0
    assert workspace.json("health")["ok"]
    assert served_profile(workspace) == ["cost"]


def test_a_switch_that_waited_for_a_stop_starts_nothing(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.set_behaviour(litellm={"exits_after": 2})
    stopping = workspace.start("down")
    until(lambda: workspace.service_events("litellm term"))  # it has the lock
    switching = workspace.start("profile.set", "cost")
    assert stopping.wait_for_exit().returncode == 0
    assert switching.wait_for_exit().returncode == 0
    assert workspace.nothing_runs()
    assert workspace.json("status")["profile"]["name"] == "cost"


def test_a_switch_that_waited_for_the_stop_of_the_upstream_starts_it_again(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "balanced")
    workspace.set_behaviour(upstream={"exits_after": 2})
    stopping = workspace.start("service.stop", "--service", "cliproxyapi_plus")
    until(lambda: workspace.service_events("upstream term"))  # it has the lock
    switching = workspace.start("profile.set", "cost")
    assert stopping.wait_for_exit().returncode == 0
    assert switching.wait_for_exit().returncode == 0
    assert workspace.json("health")["ok"]
