"""What an app stands on restarts, or crashes: new questions wait at the door, those under way end."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor.client import SupervisorClient
from flowgate.system.clock import Clock, poll
from tests.unit.supervisor.conftest import SERVER as SERVER_CODE
from tests.unit.supervisor.test_fork_server import ask
from tests.unit.supervisor.test_handover import begin_stream, hand_over, until

App = Callable[..., Program]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as found:
        yield found


def status(program: Program) -> int:
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    client.request("GET", "/")
    answer = client.getresponse()
    answer.read()
    client.close()
    return answer.status


def waits(asked: Future[int]) -> bool:
    time.sleep(0.3)
    return not asked.done()


def test_new_questions_wait_until_they_are_let_go(
    supervisor: SupervisorClient, app: App, way: str, pool: ThreadPoolExecutor
) -> None:
    program = app(way=way)
    hand_over(supervisor, program)
    assert supervisor.hold_requests("lent", 2.0) == (0, 0.0)
    asked = pool.submit(status, program)
    assert waits(asked)
    supervisor.release_requests("lent")
    assert asked.result(5) == 200


def test_a_question_that_waits_too_long_is_told_to_come_again(supervisor: SupervisorClient, app: App) -> None:
    program = app(hold_timeout=0.3)
    hand_over(supervisor, program)
    supervisor.hold_requests("lent", 1.0)
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    client.request("GET", "/")
    answer = client.getresponse()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    answer.read()
    client.close()


def test_what_is_under_way_goes_on_and_is_told(supervisor: SupervisorClient, app: App, tmp_path: Path) -> None:
    program = app()
    hand_over(supervisor, program)
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)
    stream = begin_stream(client, tmp_path / "end")
    busy, oldest = supervisor.hold_requests("lent", 0.5)
    assert busy == 1
    assert oldest > 0.3
    threading.Timer(0.3, (tmp_path / "end").touch).start()
    assert supervisor.hold_requests("lent", 5.0) == (0, 0.0)
    assert stream.read().endswith(b" end")
    client.close()


def test_a_hold_ends_with_whoever_wanted_it(supervisor: SupervisorClient, app: App, pool: ThreadPoolExecutor) -> None:
    program = app()
    hand_over(supervisor, program)
    supervisor.finish(keep=True)
    supervisor.hold_requests("lent", 1.0)
    asked = pool.submit(status, program)
    assert waits(asked)
    supervisor.close()
    assert asked.result(5) == 200


def test_a_crash_of_what_it_stands_on_holds_questions_until_that_is_back(
    supervisor: SupervisorClient, app: App, program: App, pool: ThreadPoolExecutor
) -> None:
    south = program("import time; time.sleep(0.7)\n" + SERVER_CODE)
    north = app(hold_while_down=("own",))
    number = int(supervisor.start(south)["generation"])
    supervisor.wait("own", number, 20, serving=True)
    hand_over(supervisor, north)
    assert ask(north)
    os.kill(supervisor.status()["services"]["own"]["generations"][-1]["pid"], signal.SIGKILL)
    until(lambda: supervisor.status()["services"]["own"]["restarts"] == 1)
    asked = pool.submit(status, north)
    assert waits(asked)
    assert asked.result(10) == 200
    serving = [g["phase"] for g in supervisor.status()["services"]["own"]["generations"]]
    assert serving == ["serving"]
    assert poll(lambda: status(north) == 200, Clock(), timeout=5)


def test_a_hold_does_not_outlive_a_killed_keeper(
    supervisor: SupervisorClient, app: App, pool: ThreadPoolExecutor
) -> None:
    program = app()
    number = hand_over(supervisor, program)
    supervisor.finish(keep=True)
    supervisor.hold_requests("lent", 1.0)
    asked = pool.submit(status, program)
    assert waits(asked)
    os.kill(supervisor.status()["supervisor"], signal.SIGKILL)
    supervisor.close()
    until(supervisor.recover)
    assert asked.result(5) == 200
    assert [g["number"] for g in supervisor.status()["services"]["lent"]["generations"]] == [number]
