"""A change that LiteLLM refuses, or that is interrupted, changes nothing: neither files nor what the services read."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.supervisor import replaced_files
from tests.conftest import FAKE_SERVICE, until, wait

if TYPE_CHECKING:
    from tests.conftest import Workspace

REFUSED: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "profile set, it dies in the test": (("profile.set", "cost"), {"dies_on": "/v1/models"}),
    "reload, it exits": (("service.reload",), {"fails_with": "invalid setting"}),
    "restart, it is never ready": (("service.restart",), {"ready": False}),
}


@pytest.fixture
def running(workspace: Workspace) -> Workspace:
    """A gateway that runs, and whose settings of CLIProxyAPIPlus have been changed since."""
    own = workspace.folder / "cliproxyapi.yaml"
    own.write_text("debug: false\n")
    program = (sys.executable, str(FAKE_SERVICE), "upstream", str(workspace.folder), "-config", str(own))
    workspace.write(upstream=program).inv("up", "--profile", "balanced")
    workspace.edit_config(("    port: ", "    ready_timeout: 2\n    port: "))  # of what is refused
    own.write_text("debug: true\n")
    return workspace


def files(workspace: Workspace) -> dict[str, str]:
    """Return what the services read, the record of the profile, and the keys."""
    runtime = workspace.runtime
    names = ("cliproxyapi.yaml", "litellm.active.yaml", "state.json")
    keys = sorted((runtime.parent / "secrets").iterdir())
    return {path.name: path.read_text() for path in (*(runtime / name for name in names), *keys)}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_change_leaves_every_file_as_it_was(running: Workspace, case: str) -> None:
    before, (command, fault) = files(running), REFUSED[case]
    running.set_behaviour(litellm=fault)
    done = running.start(*command).wait_for_exit()
    assert done.returncode in (1, 3)
    assert "wrote cliproxyapi.yaml back" in done.stderr
    running.set_behaviour()
    assert files(running) == before


def test_an_interrupted_change_leaves_every_file_as_it_was(running: Workspace) -> None:
    before = files(running)
    running.set_behaviour(litellm={"hangs_on": "/v1/models"})
    command = running.start("profile.set", "cost")
    assert wait(lambda: running.service_events("/v1/models"))
    assert "debug: true" in files(running)["cliproxyapi.yaml"]
    running.set_behaviour()
    command.signal(signal.SIGINT)
    done = command.wait_for_exit()
    assert done.returncode == 130
    assert "the old settings still serve" in done.stderr
    assert files(running) == before


def test_a_change_that_serves_keeps_its_files(running: Workspace) -> None:
    assert "cliproxyapi.yaml back" not in running.inv("service.reload").stderr
    assert "debug: true" in files(running)["cliproxyapi.yaml"]


KILLED: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "profile set, in its test": (("profile.set", "cost"), {"hangs_on": "/v1/models"}, "/v1/models"),
    "reload, while it starts": (("service.reload",), {"ready": False}, "start"),
}


@pytest.mark.parametrize("case", KILLED)
def test_a_command_that_is_killed_leaves_what_the_services_read_as_it_was(running: Workspace, case: str) -> None:
    before, (command, fault, sign) = files(running), KILLED[case]
    seen = len(running.service_events(sign))
    running.set_behaviour(litellm=fault)
    killed = running.start(*command)
    until(lambda: len(running.service_events(sign)) > seen)
    until(lambda: "debug: true" in files(running)["cliproxyapi.yaml"])
    running.set_behaviour()
    killed.signal(signal.SIGKILL)
    killed.process.wait()
    until(lambda: files(running) == before)
    until(lambda: not replaced_files.place(running.runtime).exists())
    assert "wrote cliproxyapi.yaml back" in (running.runtime.parent / "logs" / "flowgate.log").read_text()


def test_the_files_of_a_litellm_that_serves_after_all_stay(running: Workspace) -> None:
    running.set_behaviour(litellm={"hangs_on": "/v1/models"})
    killed = running.start("profile.set", "cost")
    until(lambda: running.service_events("/v1/models"))
    for process in (running.supervisor(), killed.process):
        process.kill()
        process.wait()
    running.set_behaviour()
    assert running.json("status")["services"]["litellm"]["profile"] == "cost"  # the next supervisor has adopted it
    until(lambda: not replaced_files.place(running.runtime).exists())
    assert "debug: true" in files(running)["cliproxyapi.yaml"]
