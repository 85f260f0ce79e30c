"""Held requests: new ones wait while a needed service restarts or crashes; those in progress continue."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor.client import SupervisorClient
from flowgate.system.clock import Clock, poll
from tests.conftest import until
from tests.unit.supervisor.conftest import SERVER as SERVER_CODE
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_fork_server import ask
from tests.unit.supervisor.test_handover import begin_stream, hand_over

App = Callable[..., Program]
WAITS = "import pathlib, time\nwhile not pathlib.Path({gate!r}).exists():\n    time.sleep(0.02)\n"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as found:
        yield found


def status(program: Program) -> int:
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    client.request("GET", "/")
    answer = client.getresponse()
    answer.read()
    client.close()
    return answer.status


def waits(response: Future[int]) -> bool:
    return bool(wait([response], timeout=0.3).not_done)


def test_new_requests_wait_until_they_are_released(
    supervisor: SupervisorClient, app: App, way: str, pool: ThreadPoolExecutor
) -> None:
    program = app(way=way)
    hand_over(supervisor, program)
    assert supervisor.hold_requests("app", 2.0) == (0, 0.0)
    response = pool.submit(status, program)
    assert waits(response)
    supervisor.release_requests("app")
    assert response.result(60) == 200


def test_a_request_held_too_long_gets_503_with_retry_after(supervisor: SupervisorClient, app: App) -> None:
    program = app(hold_timeout=0.3)
    hand_over(supervisor, program)
    supervisor.hold_requests("app", 1.0)
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    client.request("GET", "/")
    answer = client.getresponse()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    answer.read()
    client.close()


def test_requests_in_progress_continue_and_are_reported(supervisor: SupervisorClient, app: App, tmp_path: Path) -> None:
    program = app()
    hand_over(supervisor, program)
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    stream = begin_stream(client, tmp_path / "end")
    busy, oldest = supervisor.hold_requests("app", 0.5)
    assert busy == 1
    assert oldest > 0.3
    threading.Timer(0.3, (tmp_path / "end").touch).start()
    assert supervisor.hold_requests("app", 60.0) == (0, 0.0)
    assert stream.read().endswith(b" end")
    client.close()


def test_a_hold_ends_with_the_connection_that_set_it(
    supervisor: SupervisorClient, app: App, pool: ThreadPoolExecutor
) -> None:
    program = app()
    hand_over(supervisor, program)
    supervisor.finish(keep=True)
    supervisor.hold_requests("app", 1.0)
    response = pool.submit(status, program)
    assert waits(response)
    supervisor.close()
    assert response.result(60) == 200


def test_requests_are_held_while_a_needed_service_is_down(
    supervisor: SupervisorClient, app: App, program: App, pool: ThreadPoolExecutor, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    needed = program(WAITS.format(gate=str(gate)) + SERVER_CODE)
    gateway = app(hold_while_down=("own",))
    number = supervisor.start(needed)["generation"]
    supervisor.wait("own", number, 60, serving=True)
    hand_over(supervisor, gateway)
    assert ask(gateway)
    gate.unlink()
    os.kill(supervisor.status()["services"]["own"]["generations"][-1]["pid"], signal.SIGKILL)
    until(lambda: supervisor.status()["services"]["own"]["restarts"] == 1)
    response = pool.submit(status, gateway)
    assert waits(response)
    gate.touch()
    assert response.result(60) == 200
    serving = [g["phase"] for g in supervisor.status()["services"]["own"]["generations"]]
    assert serving == ["serving"]
    assert poll(lambda: status(gateway) == 200, Clock(), timeout=60)


def test_a_hold_ends_with_a_killed_supervisor(supervisor: SupervisorClient, app: App, pool: ThreadPoolExecutor) -> None:
    program = app()
    number = hand_over(supervisor, program)
    supervisor.finish(keep=True)
    supervisor.hold_requests("app", 1.0)
    response = pool.submit(status, program)
    assert waits(response)
    os.kill(supervisor_pid(supervisor), signal.SIGKILL)
    supervisor.close()
    until(supervisor.recover)
    assert response.result(60) == 200
    assert [g["number"] for g in supervisor.status()["services"]["app"]["generations"]] == [number]
