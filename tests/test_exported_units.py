"""The exported units under a real `systemd --user`, installed as their README says, with fake services."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace, wait
from tests.systemd_manager import UserManager

SECONDS = 90.0
SERVES = "serving: cliproxyapi_plus, litellm; profile"


@pytest.fixture
def manager(workspace: Workspace) -> Iterator[UserManager]:
    """A service manager of the workspace's user."""
    created = UserManager(workspace)
    try:
        reason = created.start()
        if reason:
            pytest.skip(reason)
        yield created
    finally:
        created.stop()


def install(workspace: Workspace, manager: UserManager) -> None:
    """Export the gateway, and do what the README beside the unit says."""
    folder = workspace.folder / "deploy"
    workspace.inv("export.systemd", "--to", str(folder))
    block = re.search(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert block is not None
    lines = [line for line in block[1].splitlines() if not line.startswith("loginctl")]  # no login manager is there
    script = "\n".join([f"cd {shlex.quote(str(folder))}", *lines])
    running = workspace.start("-ec", script, before=manager.inside, program=("sh",))
    done = running.wait_for_exit(SECONDS)
    assert done.returncode == 0, f"{done.stderr}\n{manager.log()}"


def wait_for(manager: UserManager, name: str, words: str) -> None:
    found = wait(lambda: manager.show(name).startswith(words), SECONDS)
    assert found, f"{name}={manager.show(name)}\n{manager.log()}"


def test_it_starts_comes_back_after_a_kill_and_stops(workspace: Workspace, manager: UserManager) -> None:
    install(workspace, manager)
    wait_for(manager, "StatusText", SERVES)
    assert manager.show("UnitFileState") == "enabled"
    group = Path(f"/proc/{workspace.supervisor().pid}/cgroup").read_text()
    assert {Path(f"/proc/{one.pid}/cgroup").read_text() for one in workspace.services()} == {group}
    for one in workspace.processes():
        one.kill()
    wait_for(manager, "NRestarts", "1")
    wait_for(manager, "StatusText", SERVES)
    manager.systemctl("stop", "flowgate")
    assert (manager.show("ActiveState"), manager.show("Result")) == ("inactive", "success")
    assert workspace.nothing_runs()
