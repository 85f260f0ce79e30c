"""Failures of ports, programs and disks: exit code 3, an error with a fix, nothing left running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dev import coverage

if TYPE_CHECKING:
    from tests.conftest import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable).name


@pytest.mark.parametrize("command, service", [("smoke", "litellm"), ("up", "cliproxyapi_plus")])
def test_a_port_in_use_is_reported_with_its_process_and_nothing_starts(
    workspace: Workspace, command: str, service: str
) -> None:
    port = workspace.litellm_port if service == "litellm" else workspace.upstream_port
    with socket.create_server(("127.0.0.1", port)):
        message = workspace.inv(command, code=3).stderr
    assert (
        f"port 127.0.0.1:{port} for {service} is in use by process {os.getpid()} ({Path(sys.executable).name}"
        in message
    )
    assert f"set services.{service}.port to a free port" in message
    assert (workspace.service_events("start"), workspace.processes()) == ([], [])


def test_both_ports_in_use_are_reported_together(workspace: Workspace) -> None:
    with (
        socket.create_server(("127.0.0.1", workspace.litellm_port)),
        socket.create_server(("127.0.0.1", workspace.upstream_port)),
    ):
        message = workspace.inv("up", code=3).stderr
    assert "for litellm is in use" in message
    assert "for cliproxyapi_plus is in use" in message


def test_a_running_stack_does_not_conflict_with_its_own_ports(workspace: Workspace) -> None:
    workspace.inv("up")
    assert "= Start" in workspace.inv("up").stderr
    assert len(workspace.services()) == 2


@pytest.mark.parametrize("command", ["smoke", "up"])
def test_a_missing_program_is_an_error_with_path_and_fix(workspace: Workspace, command: str) -> None:
    workspace.write(upstream=("bin/nothing-here",))
    message = workspace.inv(command, code=3).stderr
    assert f"the program of cliproxyapi_plus, {workspace.folder}/bin/nothing-here, is missing" in message
    assert f"{workspace.config}:" in message
    assert "fix: " in message
    assert workspace.processes() == []


def test_a_program_that_was_never_downloaded_suggests_the_download(workspace: Workspace) -> None:
    workspace.write(upstream=(".router/runtime/bin/CLIProxyAPIPlus",))
    message = workspace.inv("smoke", code=3).stderr
    assert "CLIProxyAPIPlus, is missing" in message
    assert "bootstrap" in message


def test_a_program_without_execute_permission_suggests_chmod(workspace: Workspace) -> None:
    (workspace.folder / "upstream").write_text("#!/bin/sh\n")
    workspace.write(upstream=("./upstream",))
    message = workspace.inv("smoke", code=3).stderr
    assert "cannot be executed" in message
    assert "chmod u+x" in message
    assert workspace.processes() == []


@pytest.mark.parametrize(
    "text, words",
    [("not a program", "is not a program for this machine"), ("#!/not/there\n", "names an interpreter")],
)
def test_an_invalid_program_file_is_an_error_and_nothing_runs(workspace: Workspace, text: str, words: str) -> None:
    program = workspace.folder / "upstream"
    program.write_text(text)
    program.chmod(0o700)
    workspace.write(upstream=(str(program),))
    assert words in workspace.inv("smoke", code=3).stderr
    assert workspace.processes() == []


def a_file_in_place_of_the_folder(workspace: Workspace) -> str:
    (workspace.folder / ".router").write_text("a file")
    return "a file exists where a folder is needed"


def a_folder_in_proc(workspace: Workspace) -> str:
    workspace.edit_config(("runtime_dir: .router/runtime", "runtime_dir: /proc/self/runtime"))
    return "/proc/"


def a_folder_in_place_of_a_file(workspace: Workspace) -> str:
    (workspace.runtime / "bin" / "litellm").mkdir(parents=True)
    return str(workspace.runtime / "bin" / "litellm")


@pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")
@pytest.mark.parametrize("damage", [a_file_in_place_of_the_folder, a_folder_in_proc, a_folder_in_place_of_a_file])
@pytest.mark.parametrize("command", ["smoke", "up", "down"])
def test_an_unwritable_runtime_folder_is_reported(
    workspace: Workspace, damage: Callable[[Workspace], str], command: str
) -> None:
    words = damage(workspace)
    done = workspace.start(command).wait_for_exit()
    assert done.returncode in ((0, 3) if command == "down" else (2, 3))
    assert done.returncode == 0 or words in done.stderr
    assert workspace.processes() == []


def with_full_disk(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `inv` with a limit of 0 bytes for every file, as on a full disk; its output goes through pipes."""
    argv = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "invoke", *words]
    return subprocess.run(
        argv, cwd=CHECKOUT, env=workspace.environment(), capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(coverage.start_file().exists(), reason="coverage cannot write its data on a full disk")
def test_a_full_disk_is_an_error_and_nothing_runs(workspace: Workspace) -> None:
    done = with_full_disk(workspace, "smoke")
    assert done.returncode == 3, done.stderr
    assert f"{workspace.runtime}/" in done.stderr
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert workspace.processes() == []


def test_smoke_works_once_the_disk_has_space_again(workspace: Workspace) -> None:
    with_full_disk(workspace, "smoke")
    assert "PASS" in workspace.inv("smoke").stdout
    assert not list(workspace.runtime.rglob("*.tmp"))


def test_status_and_down_work_on_a_full_disk(workspace: Workspace) -> None:
    workspace.inv("up")
    assert with_full_disk(workspace, "status").returncode == 0
    done = with_full_disk(workspace, "down")
    assert done.returncode == 0, done.stderr
    assert workspace.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="uses /dev/full")
def test_an_unwritable_event_log_is_no_error(workspace: Workspace) -> None:
    workspace.runtime.mkdir(parents=True)
    (workspace.runtime / "events.log").symlink_to("/dev/full")
    assert "PASS" in workspace.inv("smoke").stdout
