"""Single steps as Ansible modules, over a gateway of fake programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from flowgate.cli import export_ansible
from tests.conformance.theirs import with_ansible
from tests.conftest import Workspace
from tests.fleet import write_program

pytestmark = with_ansible


@pytest.fixture
def host(workspace: Workspace) -> Workspace:
    """A gateway that runs, with a program for it and the exported collection beside it."""
    write_program(workspace)
    export_ansible.export(str(workspace.folder / "collections"), check=False, diff=False)
    workspace.inv("up")
    return workspace


def run(host: Workspace, tasks: list[dict[str, Any]], *words: str) -> list[dict[str, Any]]:
    """Run tasks on this machine; return how each ended."""
    own = {"flowgate_program": str(host.folder / "flowgate"), "flowgate_config": str(host.config)}
    for task in tasks:
        module = next(name for name in task if name.startswith("flowgate."))
        task[module] = {**own, **task[module]}
    play = {"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": tasks}
    (book := host.folder / "play.json").write_text(json.dumps([play]))
    variables = {"ANSIBLE_COLLECTIONS_PATH": str(host.folder / "collections"), "HOME": str(host.folder / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", *words, str(book)],
        env={
            **variables,
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ANSIBLE_STDOUT_CALLBACK": "flowgate.gateway.lines",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = [json.loads(line)["flowgate"] for line in done.stdout.splitlines() if line.startswith('{"flowgate"')]
    assert lines, done.stderr
    return [line for line in lines if "host" in line and line["state"] != "started"]


def test_steps_change_once_and_say_what_they_did(host: Workspace) -> None:
    render = {"flowgate.gateway.render": {"profile": "cost"}}
    ended = run(host, [dict(render), dict(render), {"flowgate.gateway.find_serving": {}}])
    assert [(one["state"], one["result"]["changed"]) for one in ended] == [("ok", True), ("ok", False), ("ok", False)]
    assert ended[2]["result"]["msg"] == "litellm generation 1 runs profile balanced"


def test_check_mode_changes_nothing(host: Workspace) -> None:
    before = sorted(host.runtime.glob("*.yaml"))
    (ended,) = run(host, [{"flowgate.gateway.render": {"profile": "cost"}}], "--check", "--diff")
    assert ended["result"]["changed"] is True
    assert sorted(host.runtime.glob("*.yaml")) == before


def test_a_failing_step_fails_its_task(host: Workspace) -> None:
    (ended,) = run(host, [{"flowgate.gateway.wait_for": {"path": str(host.folder / "none"), "timeout": 0.1}}])
    assert (ended["state"], ended["result"]["code"]) == ("failed", 3)
    (ended,) = run(host, [{"flowgate.gateway.render": {"profile": "cots"}}])
    assert ended["result"]["code"] == 2
    assert ended["result"]["fix"] == "did you mean 'cost'?"


def test_facts_are_handed_on(host: Workspace) -> None:
    ended = run(
        host,
        [
            {"flowgate.gateway.find_serving": {}, "register": "found"},
            {"flowgate.gateway.render": {"profile": "{{ found.facts.profile }}"}},
            {"flowgate.gateway.health": {}},
        ],
    )
    assert [(one["state"], one["result"]["changed"]) for one in ended] == [("ok", False)] * 3
    assert ended[-1]["result"]["msg"] == "healthy"
