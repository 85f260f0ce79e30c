"""`run`: the supervisor in the foreground, under a service manager, as process 1, and at a terminal."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from flowgate.system import process_table
from tests.conftest import CHECKOUT, Running, Workspace, wait
from tests.notify_manager import START_SECONDS, Manager

WRONG = ("profiles:", "profilez:")


@pytest.fixture
def manager(workspace: Workspace) -> Iterator[Manager]:
    """A manager that listens; `run` is told of it."""
    created = Manager(workspace.folder / "notify")
    workspace.variables = created.variables()
    yield created
    created.close()


def run(workspace: Workspace, *words: str, before: tuple[str, ...] = ()) -> Running:
    return workspace.start("run", *words, before=before, real=True)


def profile(workspace: Workspace) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{workspace.litellm_port}/profile", timeout=60) as answer:
        return str(answer.read())


def end(running: Running, number: int, code: int = 0) -> str:
    running.signal(number)
    done = running.wait_for_exit()
    assert done.returncode == code, done.stderr
    return done.stderr


# --- told to the manager


def test_run_is_the_supervisor_and_tells_the_manager(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace, "--profile", "cost")
    manager.wait_for("READY=1\nSTATUS=serving: cliproxyapi_plus, litellm; profile cost")
    manager.wait_for("WATCHDOG=1", 3)
    assert workspace.json("status")["supervisor"] == running.process.pid
    end(running, signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert workspace.nothing_runs()


def test_the_services_do_not_get_the_manager_s_variables(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace)
    manager.wait_for("READY=1")
    pids = workspace.pids().values()
    assert len(pids) == 2
    for pid in pids:
        assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & psutil.Process(pid).environ().keys()
    end(running, signal.SIGTERM)


@pytest.mark.skipif(not process_table.LINUX, reason="reads /proc")
def test_a_service_that_is_stopped_silences_the_watchdog(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace)
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1", 1)
    stopped = psutil.Process(workspace.pids()["cliproxyapi_plus"])
    stopped.suspend()
    assert manager.is_left_alone()
    stopped.resume()
    assert wait(manager.has_fresh_sign)
    end(running, signal.SIGTERM)


def test_a_service_that_is_stuck_silences_the_watchdog(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace)
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1", 1)
    workspace.set_behaviour(upstream={"hangs_on": "*"})
    assert manager.is_left_alone()
    assert wait(lambda: "has not answered for" in workspace.inv("status").stderr)
    workspace.set_behaviour()
    end(running, signal.SIGTERM)


# --- reload


def test_sighup_applies_the_changed_config(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace, "--profile", "cost")
    manager.wait_for("READY=1")
    workspace.edit_config(
        ("cost:\n    router_settings: {num_retries: 0}", "cost:\n    router_settings: {num_retries: 5}")
    )
    running.signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1\nMONOTONIC_USEC=")
    manager.wait_for("READY=1", 2)
    assert "num_retries: 5" in (workspace.runtime / "litellm.active.yaml").read_text()
    assert "cost" in profile(workspace)
    end(running, signal.SIGTERM)


def test_a_refused_config_changes_nothing_and_is_said(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace)
    manager.wait_for("READY=1")
    before, right = workspace.pids(), workspace.config.read_text()
    workspace.edit_config(WRONG)
    running.signal(signal.SIGHUP)
    manager.wait_for("the reload was refused (exit code 2)")
    assert "profilez" in running.stderr()
    workspace.config.write_text(right)
    assert workspace.pids() == before
    end(running, signal.SIGTERM)


# --- the end


def test_down_ends_it_with_0(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace)
    manager.wait_for("READY=1")
    workspace.inv("down")
    assert running.wait_for_exit().returncode == 0
    manager.wait_for("STOPPING=1")


def test_a_start_that_fails_ends_it_with_3_and_shows_why(workspace: Workspace, manager: Manager) -> None:
    workspace.set_behaviour(litellm={"fails_with": "fake service: no such model"})
    done = run(workspace).wait_for_exit(START_SECONDS)
    assert done.returncode == 3
    assert "no such model" in done.stderr
    assert "Wait healthy" in done.stderr
    assert not manager.heard("READY=1")
    assert workspace.nothing_runs()


def test_a_wrong_config_ends_it_with_2(workspace: Workspace) -> None:
    workspace.edit_config(WRONG)
    assert run(workspace).wait_for_exit().returncode == 2
    assert run(workspace, "--profile", "cots").wait_for_exit().returncode == 2


def test_sigterm_during_the_start_ends_it_with_0(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"ready": False})
    running = run(workspace)
    running.wait_for_message("litellm 1: started", START_SECONDS)
    end(running, signal.SIGTERM)
    assert workspace.nothing_runs()


def test_a_second_ctrl_c_stops_at_once(workspace: Workspace) -> None:
    workspace.set_behaviour(litellm={"exits_after": 60}, upstream={"exits_after": 60})
    running = run(workspace)
    running.wait_for_message("Prune", START_SECONDS)
    running.signal(signal.SIGINT)
    running.wait_for_message("stopping")
    assert "killed" in end(running, signal.SIGINT)
    assert workspace.nothing_runs()


# --- others that run


def test_a_running_gateway_is_taken_over_without_a_restart(workspace: Workspace) -> None:
    workspace.inv("up", "--profile", "cost")
    before = workspace.pids()
    running = run(workspace)
    running.wait_for_message("Prune", START_SECONDS)
    assert workspace.pids() == before
    assert workspace.json("status")["supervisor"] == running.process.pid
    end(running, signal.SIGTERM)
    assert workspace.nothing_runs()


def test_a_second_run_is_refused_and_names_the_first(workspace: Workspace) -> None:
    running = run(workspace)
    running.wait_for_message("Prune", START_SECONDS)
    done = run(workspace).wait_for_exit()
    assert done.returncode == 3
    assert f"process {running.process.pid} keeps it in the foreground" in done.stderr
    end(running, signal.SIGTERM)


def test_killed_all_together_it_comes_back_under_a_manager(workspace: Workspace, manager: Manager) -> None:
    restarts = f"while ! {sys.executable} -m invoke run; do :; done"
    running = workspace.start(program=("sh", "-c", restarts))
    manager.wait_for("READY=1")
    for one in workspace.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # what the supervisor has forked goes with it
            one.kill()
    manager.wait_for("READY=1", 2)
    assert workspace.json("status")["services"]["litellm"]["state"] == "serving"
    workspace.inv("down")
    assert running.wait_for_exit().returncode == 0


# --- process 1

NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def can_unshare() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="no process namespace can be created here")
def test_as_process_1_it_reaps_orphans_and_stops_on_sigterm(workspace: Workspace, manager: Manager) -> None:
    running = run(workspace, before=NAMESPACE)
    manager.wait_for("READY=1")
    first = psutil.Process(running.process.pid).children()[0]
    assert "flowgate.supervisor.daemon" in first.cmdline()
    known = {one.pid for one in first.children()}
    assert known
    orphan = ["nsenter", "-t", str(first.pid), "-p", "-m", "sh", "-c", "sh -c 'sleep 0.1 &'"]
    subprocess.run(orphan, check=True, cwd=CHECKOUT)
    assert wait(lambda: {one.pid for one in first.children()} <= known)  # a zombie would stay among them
    first.send_signal(signal.SIGTERM)
    assert running.wait_for_exit().returncode == 0
    manager.wait_for("STOPPING=1")
