"""What silences the manager's watchdog: a service of the gateway that is down, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor import daemon_process
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until
from tests.notify_manager import Manager
from tests.unit.supervisor.conftest import SERVER
from tests.unit.supervisor.test_foreground import WAIT_FOR

FAILS_LATER = "import pathlib, sys\nif pathlib.Path('broken').exists():\n    sys.exit(7)\n" + SERVER
MakeProgram = Callable[..., Program]


@pytest.fixture
def manager(runtime: Path) -> Iterator[Manager]:
    """A manager that listens to a supervisor in the foreground, whose start ends when the file `started` is there."""
    created = Manager(runtime.parent / "notify")
    words = [sys.executable, "-m", daemon_process.DAEMON, str(runtime), str(runtime.parent / "supervisor.log")]
    child = [sys.executable, "-c", WAIT_FOR, str(runtime.parent / "started")]
    env = os.environ | created.variables()
    with subprocess.Popen([*words, "foreground", *child], stderr=subprocess.DEVNULL, env=env) as process:
        try:
            until(lambda: (runtime / "run" / "supervisor.sock").exists())
            yield created
        finally:
            process.kill()
    created.close()


def serve(supervisor: SupervisorClient, *programs: Program) -> None:
    """Start programs, and keep them."""
    for one in programs:
        supervisor.wait(one.service, supervisor.start(one)["generation"], 20, serving=True)
    supervisor.finish(keep=True)
    (supervisor.runtime.parent / "started").touch()


def break_down(supervisor: SupervisorClient, program: Program) -> None:
    """Let a program end now, and at each start from now on, until it is not expected back soon."""
    (program.cwd / "broken").touch()
    found = supervisor.generation(program.service)
    assert found is not None
    os.kill(found["pid"], signal.SIGKILL)
    until(lambda: supervisor.status()["services"][program.service]["crashes"] > 2)


def test_one_that_the_gateway_does_not_need_may_crash_again_and_again(
    manager: Manager, supervisor: SupervisorClient, program: MakeProgram
) -> None:
    needed, other = program(), program(FAILS_LATER, service="other", auxiliary=True)
    serve(supervisor, needed, other)
    manager.wait_for("STATUS=serving: other, own")
    break_down(supervisor, other)
    manager.wait_for("STATUS=serving: own; down: other")
    assert not manager.is_left_alone(5.0)


def test_one_that_the_gateway_does_not_need_may_hang(
    manager: Manager, supervisor: SupervisorClient, program: MakeProgram
) -> None:
    needed, other = program(), program(service="other", auxiliary=True)
    serve(supervisor, needed, other)
    found = supervisor.generation("other")
    assert found is not None
    os.kill(found["pid"], signal.SIGSTOP)
    until(lambda: supervisor.status()["services"]["other"]["generations"][0].get("silent"))
    assert not manager.is_left_alone(5.0)


def test_one_that_the_gateway_needs_must_not_crash_again_and_again(
    manager: Manager, supervisor: SupervisorClient, program: MakeProgram
) -> None:
    needed, other = program(FAILS_LATER), program(service="other", auxiliary=True)
    serve(supervisor, needed, other)
    break_down(supervisor, needed)
    manager.wait_for("STATUS=down: own")
    assert manager.is_left_alone()


def test_services_that_are_never_restarted_do_not_silence_it(
    manager: Manager, supervisor: SupervisorClient, program: MakeProgram
) -> None:
    serve(supervisor, program(restart="never"))
    manager.wait_for("READY=1")
    assert not manager.is_left_alone(5.0)
