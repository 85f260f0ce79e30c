"""`stacks`, and what commands say that find nothing running while another gateway of the user does."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Workspace, wait

STOPPED = ["status", "health", "service.logs litellm", "usage", "down", "service.recover", "ask hi", "explain"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A gateway that runs elsewhere."""
    with Workspace(tmp_path_factory.mktemp("g")).write() as found:
        found.inv("up", "--profile", "cost")
        yield found


def listed(here: Workspace, wanted: Workspace) -> list[dict[str, Any]]:
    return [one for one in here.json("stacks")["stacks"] if one["runtime"] == str(wanted.runtime)]


def test_a_running_gateway_is_listed_from_any_folder(workspace: Workspace, other: Workspace) -> None:
    (found,) = listed(workspace, other)
    assert (found["config"], found["profile"]) == (str(other.config), "cost")
    assert found["supervisor"] == other.supervisor().pid
    assert found["answers"]
    addresses = {one["name"]: one["address"].rpartition(":")[2] for one in found["services"]}
    assert addresses == {"litellm": str(other.litellm_port), "cliproxyapi_plus": str(other.upstream_port)}
    assert listed(workspace, workspace) == []


def test_the_command_reaches_it(workspace: Workspace, other: Workspace) -> None:
    command = listed(workspace, other)[0]["command"]
    assert command == f"FLOWGATE_CONFIG={other.config} inv"
    typed = command.replace(" inv", f" {sys.executable} -m invoke status --json")
    status = json.loads(workspace.start("-c", typed, program=("sh",)).wait_for_exit().stdout)
    assert (status["config"], status["profile"]["name"]) == (str(other.config), "cost")


@pytest.mark.parametrize("words", STOPPED)
def test_a_command_that_finds_nothing_running_names_it(workspace: Workspace, other: Workspace, words: str) -> None:
    done = workspace.start(*words.split()).wait_for_exit()
    assert "another FlowGate of yours runs" in done.stderr  # there may be more than this test's


@pytest.mark.parametrize("words", ["status", "health"])
def test_a_command_whose_own_gateway_runs_does_not(workspace: Workspace, other: Workspace, words: str) -> None:
    workspace.inv("up")
    assert str(other.config) not in workspace.inv(words).stderr


def test_a_gateway_whose_supervisor_was_killed_is_listed(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.supervisor().kill()
    assert wait(lambda: [one["supervisor"] for one in listed(workspace, workspace)] == [None])
    (found,) = listed(workspace, workspace)
    assert {one["state"] for one in found["services"]} == {"orphaned"}
    assert found["config"] == str(workspace.config)


def test_a_supervisor_that_hangs_is_listed_by_its_records(workspace: Workspace) -> None:
    workspace.inv("up")
    supervisor = workspace.supervisor()
    supervisor.send_signal(signal.SIGSTOP)
    (found,) = listed(workspace, workspace)
    assert (found["answers"], found["supervisor"]) == (False, supervisor.pid)
    assert {one["name"] for one in found["services"]} == {"litellm", "cliproxyapi_plus"}
    supervisor.send_signal(signal.SIGCONT)


def test_a_deleted_config_has_no_command(workspace: Workspace) -> None:
    workspace.inv("up")
    moved = workspace.config.rename(workspace.folder / "moved.yaml")
    workspace.variables["FLOWGATE_CONFIG"] = str(moved)
    assert listed(workspace, workspace)[0]["command"] == ""


def test_the_table_says_how_to_reach_it(workspace: Workspace, other: Workspace) -> None:
    shown = workspace.inv("stacks").stdout
    assert f"config   {other.config}" in shown
    assert f"reach it: FLOWGATE_CONFIG={other.config} inv status" in shown
