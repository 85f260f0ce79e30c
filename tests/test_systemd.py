"""The installed unit under a real `systemd --user`: start, reload, crash, hang and stop, with fake services."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Workspace, wait
from tests.systemd_manager import UserManager

SECONDS = 90.0
DROP_IN = "[Service]\nRestartSec=100ms\n{}\n"


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


def install(workspace: Workspace, manager: UserManager, *words: str, drop_in: str = "") -> None:
    """Install the service, with a setting of the user's own, and wait until it serves."""
    folder = workspace.folder / "home" / ".config" / "systemd" / "user" / "flowgate.service.d"
    folder.mkdir(parents=True)
    (folder / "test.conf").write_text(DROP_IN.format(drop_in))
    inv(workspace, manager, "service.install", *words)
    wait_for(manager, "StatusText", "serving: cliproxyapi_plus, litellm; profile")


def inv(workspace: Workspace, manager: UserManager, *words: str) -> str:
    """Run a command where the manager is, as its user would; return its error output."""
    running = workspace.start(*words, before=manager.inside)
    done = running.wait_for_exit(SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stderr


def wait_for(manager: UserManager, name: str, words: str) -> None:
    found = wait(lambda: manager.show(name).startswith(words), SECONDS)
    assert found, f"{name}={manager.show(name)}\n{manager.log()}"


def pids(workspace: Workspace) -> set[int]:
    return {one.pid for one in workspace.services()}


def supervisor_of(workspace: Workspace) -> psutil.Process:
    return workspace.supervisor()


def test_it_starts_reloads_and_stops_and_gives_up_on_a_wrong_config(workspace: Workspace, manager: UserManager) -> None:
    install(workspace, manager, "--profile", "cost")
    assert manager.show("StatusText") == "serving: cliproxyapi_plus, litellm; profile cost"
    assert (manager.show("ActiveState"), manager.show("UnitFileState")) == ("active", "enabled")
    group = Path(f"/proc/{supervisor_of(workspace).pid}/cgroup").read_text()
    assert {Path(f"/proc/{pid}/cgroup").read_text() for pid in pids(workspace)} == {group}
    assert f'"supervisor": {manager.show("MainPID")}' in _status(workspace, manager)
    workspace.edit_config(
        ("cost:\n    router_settings: {num_retries: 0}", "cost:\n    router_settings: {num_retries: 5}")
    )
    manager.systemctl("reload", "flowgate")
    assert wait(lambda: "num_retries: 5" in (workspace.runtime / "litellm.active.yaml").read_text(), SECONDS)
    wait_for(manager, "StatusText", "serving: cliproxyapi_plus, litellm; profile cost")
    manager.systemctl("stop", "flowgate")
    assert (manager.show("ActiveState"), manager.show("Result")) == ("inactive", "success")
    assert workspace.nothing_runs()
    workspace.edit_config(("profiles:", "profilez:"))
    manager.systemctl("start", "flowgate", check=False)
    assert (manager.show("ActiveState"), manager.show("ExecMainStatus")) == ("failed", "2")
    assert manager.show("NRestarts") == "0"


def _status(workspace: Workspace, manager: UserManager) -> str:
    running = workspace.start("status", "--json", before=manager.inside)
    return running.wait_for_exit(SECONDS).stdout


def test_down_is_respected_and_up_names_the_service(workspace: Workspace, manager: UserManager) -> None:
    install(workspace, manager, "--watch")
    inv(workspace, manager, "down")
    wait_for(manager, "ActiveState", "inactive")
    assert (manager.show("Result"), manager.show("NRestarts")) == ("success", "0")
    assert workspace.nothing_runs()
    assert "systemctl --user start flowgate" in inv(workspace, manager, "--dry", "up")
    manager.systemctl("start", "flowgate")
    inv(workspace, manager, "service.uninstall")
    assert manager.show("LoadState") == "not-found"
    assert workspace.nothing_runs()


def test_a_start_that_fails_is_tried_again_after_a_pause(workspace: Workspace, manager: UserManager) -> None:
    workspace.set_behaviour(litellm={"fails_with": "fake service: not now"})
    done = workspace.start("service.install", before=manager.inside).wait_for_exit(SECONDS)
    assert done.returncode == 3, done.stderr
    wait_for(manager, "SubState", "stop-post")
    assert manager.show("ExecMainStatus") == "3"
    workspace.set_behaviour()
    wait_for(manager, "StatusText", "serving: cliproxyapi_plus, litellm; profile")
    manager.systemctl("stop", "flowgate")
    assert workspace.nothing_runs()


def test_without_its_program_it_is_tried_again_after_a_pause(workspace: Workspace, manager: UserManager) -> None:
    install(workspace, manager)
    folder = workspace.folder / "home" / ".config" / "systemd" / "user" / "flowgate.service.d"
    (folder / "test.conf").write_text("[Service]\nExecStart=\nExecStart=/nowhere/flowgate\n")
    manager.systemctl("daemon-reload")
    manager.systemctl("restart", "--no-block", "flowgate")
    wait_for(manager, "ExecMainStatus", "203")
    wait_for(manager, "SubState", "stop-post")
    manager.systemctl("stop", "flowgate")
    assert workspace.nothing_runs()


def test_killed_all_together_it_comes_back(workspace: Workspace, manager: UserManager) -> None:
    install(workspace, manager)
    before = pids(workspace)
    for one in workspace.processes():
        one.kill()
    wait_for(manager, "NRestarts", "1")
    wait_for(manager, "StatusText", "serving: cliproxyapi_plus, litellm; profile")
    assert not before & pids(workspace)
    assert len(pids(workspace)) == len(before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_lost_supervisor_is_replaced_and_its_services_serve_on(
    workspace: Workspace, manager: UserManager, number: int
) -> None:
    install(workspace, manager, drop_in="WatchdogSec=2")
    before, lost = pids(workspace), supervisor_of(workspace)
    os.kill(lost.pid, number)
    assert wait(lambda: not lost.is_running() or lost.status() == psutil.STATUS_ZOMBIE, SECONDS)
    wait_for(manager, "NRestarts", "1")
    wait_for(manager, "StatusText", "serving: cliproxyapi_plus, litellm; profile")
    assert pids(workspace) == before
    manager.systemctl("stop", "flowgate")
    assert workspace.nothing_runs()
