"""The outside world says no: a port, a program, a disk. Exit 3, one clear sentence, a way out, nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command, service", [("smoke", "litellm"), ("up", "cliproxyapi_plus")])
def test_a_taken_port_is_named_with_its_owner_and_nothing_is_started(
    workspace: Workspace, command: str, service: str
) -> None:
    port = workspace.litellm_port if service == "litellm" else workspace.upstream_port
    with socket.create_server(("127.0.0.1", port)):
        message = workspace.inv(command, code=3).stderr
    assert (
        f"port 127.0.0.1:{port} for {service} is held by process {os.getpid()} ({Path(sys.executable).name}" in message
    )
    assert f"set services.{service}.port to a free port" in message
    assert (workspace.seen("start"), workspace.processes()) == ([], [])


def test_both_taken_ports_are_told_at_once(workspace: Workspace) -> None:
    with (
        socket.create_server(("127.0.0.1", workspace.litellm_port)),
        socket.create_server(("127.0.0.1", workspace.upstream_port)),
    ):
        message = workspace.inv("up", code=3).stderr
    assert "for litellm is held" in message
    assert "for cliproxyapi_plus is held" in message


def test_a_stack_that_runs_already_holds_its_own_ports_and_is_no_stranger(workspace: Workspace) -> None:
    workspace.inv("up")
    assert "= Start" in workspace.inv("up").stderr
    assert len(workspace.services()) == 2


@pytest.mark.parametrize("command", ["smoke", "up"])
def test_a_missing_binary_is_named_with_its_place_and_a_way_out(workspace: Workspace, command: str) -> None:
    workspace.write(upstream=("bin/nothing-here",))
    message = workspace.inv(command, code=3).stderr
    assert f"the program of cliproxyapi_plus, {workspace.folder}/bin/nothing-here, is missing" in message
    assert f"{workspace.config}:" in message
    assert "fix: " in message
    assert workspace.processes() == []


def test_the_usual_binary_that_was_never_downloaded_names_the_download(workspace: Workspace) -> None:
    workspace.write(upstream=(".router/runtime/bin/CLIProxyAPIPlus",))
    message = workspace.inv("smoke", code=3).stderr
    assert "CLIProxyAPIPlus, is missing" in message
    assert "bootstrap" in message


def test_a_binary_that_may_not_be_executed_is_named_with_the_mending_command(workspace: Workspace) -> None:
    (workspace.folder / "upstream").write_text("#!/bin/sh\n")
    workspace.write(upstream=("./upstream",))
    message = workspace.inv("smoke", code=3).stderr
    assert "cannot be executed" in message
    assert "chmod u+x" in message
    assert workspace.processes() == []


@pytest.mark.parametrize(
    "text, words",
    [("not a program", "is no program for this machine"), ("#!/not/there\n", "names an interpreter")],
)
def test_a_file_that_is_no_program_is_told_and_nothing_is_left_running(
    workspace: Workspace, text: str, words: str
) -> None:
    program = workspace.folder / "upstream"
    program.write_text(text)
    program.chmod(0o700)
    workspace.write(upstream=(str(program),))
    assert words in workspace.inv("smoke", code=3).stderr
    assert workspace.processes() == []


def a_file_for_a_folder(workspace: Workspace) -> str:
    (workspace.folder / ".router").write_text("I am a file")
    return "a file stands where a folder belongs"


def a_folder_of_the_kernel(workspace: Workspace) -> str:
    workspace.edit_config(("runtime_dir: .router/runtime", "runtime_dir: /proc/self/runtime"))
    return "/proc/"


def a_folder_for_a_file(workspace: Workspace) -> str:
    (workspace.runtime / "bin" / "litellm").mkdir(parents=True)
    return str(workspace.runtime / "bin" / "litellm")


@pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")
@pytest.mark.parametrize("refuse", [a_file_for_a_folder, a_folder_of_the_kernel, a_folder_for_a_file])
@pytest.mark.parametrize("command", ["smoke", "up", "down"])
def test_a_runtime_folder_that_cannot_be_written_is_named(
    workspace: Workspace, refuse: Callable[[Workspace], str], command: str
) -> None:
    words = refuse(workspace)
    done = workspace.start(command).wait_for_exit()
    assert done.returncode in ((0, 3) if command == "down" else (2, 3))
    assert done.returncode == 0 or words in done.stderr
    assert workspace.processes() == []


def without_room(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `inv` where no file may grow, as on a full disk; what it says goes through pipes."""
    argv = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "invoke", *words]
    return subprocess.run(
        argv, cwd=CHECKOUT, env=workspace.environment(), capture_output=True, text=True, check=False, timeout=60
    )


def test_a_full_disk_is_named_and_nothing_is_left_running(workspace: Workspace) -> None:
    done = without_room(workspace, "smoke")
    assert done.returncode == 3, done.stderr
    assert f"{workspace.runtime}/" in done.stderr
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert workspace.processes() == []


def test_after_the_disk_has_room_again_the_smoke_works(workspace: Workspace) -> None:
    without_room(workspace, "smoke")
    assert "PASS" in workspace.inv("smoke").stdout
    assert not list(workspace.runtime.rglob("*.tmp"))


def test_a_running_stack_can_be_seen_and_taken_down_on_a_full_disk(workspace: Workspace) -> None:
    workspace.inv("up")
    assert without_room(workspace, "status").returncode == 0
    done = without_room(workspace, "down")
    assert done.returncode == 0, done.stderr
    assert workspace.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="uses /dev/full")
def test_a_full_disk_under_the_event_log_stops_nothing(workspace: Workspace) -> None:
    workspace.runtime.mkdir(parents=True)
    (workspace.runtime / "events.log").symlink_to("/dev/full")
    assert "PASS" in workspace.inv("smoke").stdout
