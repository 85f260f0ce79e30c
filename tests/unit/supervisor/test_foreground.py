"""A supervisor in the foreground drains before it stops, and talks to its manager's socket."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor import daemon_process
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.service_state import Cut, Drain, Kill, ServiceState, Stop, Terminate, Timer
from flowgate.system import sockets
from flowgate.system.notify_socket import NotifySocket
from tests.conftest import until
from tests.unit.supervisor.test_handover import hand_over
from tests.unit.supervisor.test_state_machine import SERVING, SHARED, play

App = Callable[..., Program]
WAIT_FOR = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists():\n    time.sleep(0.02)\n"


@pytest.fixture
def foreground(runtime: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in the foreground, whose start ends when the file `started` is there."""
    words = [sys.executable, "-m", daemon_process.DAEMON, str(runtime), str(runtime.parent / "supervisor.log")]
    child = [sys.executable, "-c", WAIT_FOR, str(runtime.parent / "started")]
    with subprocess.Popen([*words, "foreground", *child], stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: (runtime / "run" / "supervisor.sock").exists())
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def stream(program: Program, end: Path) -> Iterator[http.client.HTTPResponse]:
    """Begin a request that is answered when a file is there."""
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    client.request("GET", f"/stream/{end}")
    yield client.getresponse()
    client.close()


def refuses(program: Program) -> bool:
    return not sockets.accepts_connections("127.0.0.1", program.port, 1.0)


def serve(supervisor: SupervisorClient, program: Program) -> None:
    hand_over(supervisor, program)
    supervisor.finish(keep=True)
    (supervisor.runtime.parent / "started").touch()


def test_sigterm_finishes_the_request_in_progress_and_refuses_new_ones(
    foreground: subprocess.Popen[bytes], supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    program = app()
    serve(supervisor, program)
    with stream(program, tmp_path / "end") as answer:
        foreground.send_signal(signal.SIGTERM)
        until(lambda: refuses(program))
        (tmp_path / "end").touch()
        assert answer.read().endswith(b" end")
    assert foreground.wait(60) == 0


def test_a_second_ctrl_c_cuts_the_request_in_progress(
    foreground: subprocess.Popen[bytes], supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    program = app()
    serve(supervisor, program)
    with stream(program, tmp_path / "never"):
        foreground.send_signal(signal.SIGINT)
        until(lambda: refuses(program))
        foreground.send_signal(signal.SIGINT)
        assert foreground.wait(60) == 0


# --- the order of a stop


def test_a_stop_that_drains_cuts_only_when_the_time_to_drain_is_over() -> None:
    state, effects = play(SHARED, *SERVING, Stop(drain=True))
    assert Drain(1) in effects
    assert Terminate(1) not in effects
    assert not state.wanted
    _, effects = play(state, Timer("drain", 1), Timer("grace", 1))
    assert [one for one in effects if isinstance(one, Cut | Kill)] == [Cut(1), Kill(1)]


def test_a_stop_that_drains_terminates_a_program_with_its_own_port() -> None:
    own = ServiceState("own", shared_listener=False)
    _, effects = play(own, *SERVING, Stop(drain=True))
    assert Terminate(1) in effects


# --- the notify socket


def test_an_abstract_address_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"flowgate-test-{os.getpid()}"
        manager.bind(f"\0{name}")
        NotifySocket({"NOTIFY_SOCKET": f"@{name}"}).send("READY=1", "STATUS=two\nlines")
        assert manager.recv(100) == b"READY=1\nSTATUS=two lines"


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_counts_only_when_it_is_meant_for_this_process(
    variables: dict[str, str], seconds: float | None
) -> None:
    assert NotifySocket({"NOTIFY_SOCKET": "/nowhere", **variables}).watchdog_seconds == seconds


def test_a_manager_that_does_not_listen_loses_the_message(tmp_path: Path) -> None:
    NotifySocket({"NOTIFY_SOCKET": str(tmp_path / "absent")}).send("READY=1")
