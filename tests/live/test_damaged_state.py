"""State damaged by crashes, deletions and parallel commands: the next command works and reports correctly."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from tests.conftest import Workspace

DAMAGED = ["{", "[]", '{"current_profile": 7}', '{"current_profile": "gone"}', "\x00\x01"]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_corrupt_state_file_is_replaced(workspace: Workspace, text: str) -> None:
    workspace.runtime.mkdir(parents=True)
    (workspace.runtime / "state.json").write_text(text)
    assert "balanced" in workspace.inv("status").stdout
    workspace.inv("profile.set", "cost")
    assert json.loads((workspace.runtime / "state.json").read_text())["current_profile"] == "cost"


def test_a_state_that_is_binary_or_a_folder_is_reported_without_a_traceback(workspace: Workspace) -> None:
    workspace.runtime.mkdir(parents=True)
    state = workspace.runtime / "state.json"
    state.write_bytes(b"\xff\xfe\x00")
    assert str(state) in workspace.start("status").wait_for_exit().stderr
    state.unlink()
    state.mkdir()
    assert str(state) in workspace.start("status").wait_for_exit().stderr


def test_damaged_lines_of_the_event_log_are_skipped(workspace: Workspace) -> None:
    workspace.runtime.mkdir(parents=True)
    line = '{"event": "smoke", "result": "ok", "timestamp": "2026-01-01T00:00:00Z"}'
    (workspace.runtime / "events.log").write_text(f'{line}\n{{"event": "smo\n{line}\n')
    done = workspace.inv("events")
    assert len(done.stdout.splitlines()) == 2
    assert "could not be read" in done.stderr


@pytest.fixture
def unrelated() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is unrelated to FlowGate."""
    process = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    yield process
    process.kill()
    process.wait()


def test_a_stale_pid_file_does_not_harm_an_unrelated_process(
    workspace: Workspace, unrelated: subprocess.Popen[bytes]
) -> None:
    folder = workspace.runtime / "run"
    folder.mkdir(parents=True)
    record = {"service": "litellm", "number": 1, "pid": unrelated.pid, "ticks": 1, "host": "127.0.0.1", "port": 1}
    (folder / "litellm-1.json").write_text(json.dumps(record))
    (folder / "litellm-2.json").write_text("{half a rec")
    assert workspace.json("status")["services"]["litellm"]["running"] is False
    assert "PASS" in workspace.inv("smoke").stdout
    assert unrelated.poll() is None
    assert not list(folder.glob("*.json"))


@pytest.mark.parametrize("leftover", ["a dead socket", "a file"])
def test_a_stale_socket_is_replaced(workspace: Workspace, leftover: str) -> None:
    path = workspace.runtime / "run" / "keeper.sock"
    path.parent.mkdir(parents=True)
    if leftover == "a file":
        path.write_text("not a socket")
    else:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    assert "PASS" in workspace.inv("smoke").stdout
    assert workspace.nothing_runs()


def test_a_stack_whose_supervisor_was_killed_can_be_stopped(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.supervisor().kill()
    assert wait(lambda: len(workspace.processes()) == 2)
    assert workspace.json("status")["services"]["litellm"]["running"] is True
    assert "stopped" in workspace.inv("down").stderr
    assert workspace.nothing_runs()


def test_up_after_a_killed_supervisor_keeps_one_process_per_service(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.supervisor().kill()
    workspace.inv("up")
    assert len(workspace.services()) == 2
    assert workspace.json("health")["ok"] is True


def _delete(workspace: Workspace, *names: str) -> None:
    for name in names:
        path = workspace.runtime / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.mark.parametrize("half", [("run",), ("bin", "state.json", "cliproxyapi.yaml"), ("process-logs", "events.log")])
def test_up_restores_deleted_parts_of_the_runtime_folder(workspace: Workspace, half: tuple[str, ...]) -> None:
    workspace.inv("up")
    before = {one.pid for one in workspace.services()}
    _delete(workspace, *half)
    workspace.inv("up")
    assert len(workspace.services()) == 2
    assert {one.pid for one in workspace.services()} == before
    assert workspace.json("health")["ok"] is True
    workspace.inv("down")
    assert workspace.nothing_runs()


def test_a_stack_whose_runtime_folder_was_deleted_can_be_stopped(workspace: Workspace) -> None:
    workspace.inv("up")
    shutil.rmtree(workspace.folder / ".router")
    assert "stopped" in workspace.inv("down").stderr
    assert workspace.nothing_runs()


def test_deleted_keys_are_created_again_and_used(workspace: Workspace) -> None:
    workspace.inv("up")
    shutil.rmtree(workspace.folder / ".router" / "secrets")
    workspace.inv("up")
    assert "PASS" in workspace.inv("smoke", "--live").stdout
    assert len(workspace.services()) == 2


def test_twenty_parallel_starts_make_one_process_per_service(workspace: Workspace) -> None:
    started = [workspace.start("service.start") for _ in range(20)]
    ended = [one.wait_for_exit(120.0) for one in started]
    assert [one.returncode for one in ended] == [0] * 20
    assert sum("~ Start" in one.stderr for one in ended) == 1
    assert sum("already running" in one.stderr for one in ended) == 19
    assert sorted(line.split()[0] for line in workspace.service_events(" start ")) == ["litellm", "upstream"]
    assert len(workspace.services()) == 2


def test_parallel_starts_and_stops_end_in_a_consistent_state(workspace: Workspace) -> None:
    started = [workspace.start(word) for word in ("up", "down", "service.restart", "up", "down", "smoke")]
    assert [one.wait_for_exit(120.0).returncode for one in started] == [0] * 6
    running = workspace.json("status")["services"]["litellm"]["running"]
    assert len(workspace.services()) == (2 if running else 0)
    workspace.inv("down")
    assert workspace.processes() == []
