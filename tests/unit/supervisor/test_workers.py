"""A generation of several workers: they share a port, are replaced one by one, promoted and drained together."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.errors import NotReady
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.status_document import WorkerStatus
from flowgate.system import processes
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_fork_server import ask
from tests.unit.supervisor.test_handover import Connect, begin_stream, connect, hand_over, phases

__all__ = ["connect"]  # a fixture

App = Callable[..., Program]
COUNTS = (1, 2, 4)


@pytest.fixture(params=COUNTS)
def count(request: pytest.FixtureRequest) -> int:
    """How many workers a generation has."""
    return int(request.param)


def workers(supervisor: SupervisorClient, number: int | None = None) -> list[WorkerStatus]:
    """Return the workers of a generation, of the newest one without a number."""
    found = supervisor.status()["services"]["app"]["generations"]
    chosen = [one for one in found if number in (None, one["number"])]
    return chosen[-1].get("workers", []) if chosen else []


def pids(supervisor: SupervisorClient) -> set[int]:
    return {one["pid"] for one in workers(supervisor)}


def all_serve(supervisor: SupervisorClient, count: int) -> bool:
    return [one["phase"] for one in workers(supervisor)] == ["serving"] * count


def answer(program: Program, wanted: set[int]) -> bool:
    """Return whether exactly these workers answer. Which one gets a connection is not promised: all are asked for."""
    kept, seen = list[http.client.HTTPConnection](), set[int]()

    def have_all() -> bool:
        kept.append(connection(program))
        seen.add(_pid(kept[-1]))
        return seen >= wanted

    try:
        until(have_all)
    finally:
        for one in kept:
            one.close()
    return seen == wanted


def post(program: Program) -> None:
    client = connection(program)
    client.request("POST", "/v1/chat/completions", "{}")
    client.getresponse().read()
    client.close()


def connection(program: Program) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)


def events(supervisor: SupervisorClient) -> str:
    return (supervisor.runtime / "events.log").read_text()


def test_every_worker_of_a_generation_serves(supervisor: SupervisorClient, app: App, way: str, count: int) -> None:
    program = app(way=way, workers=count)
    hand_over(supervisor, program)
    assert all_serve(supervisor, count)
    assert answer(program, pids(supervisor))


def test_all_workers_are_promoted_and_drained_together(
    supervisor: SupervisorClient, app: App, count: int, connect: Connect, tmp_path: Path
) -> None:
    hand_over(supervisor, app("one", workers=count))
    streams = [begin_stream(connect(app()), tmp_path / "end") for _ in range(3)]
    hand_over(supervisor, app("two", workers=count))
    assert {ask(app())[0] for _ in range(20)} == {"two"}
    (tmp_path / "end").touch()
    assert all(stream.read().endswith(b" end") for stream in streams)
    until(lambda: phases(supervisor) == {2: "serving"})


def test_the_number_of_workers_can_change_with_a_generation(supervisor: SupervisorClient, app: App) -> None:
    for name, count in (("one", 1), ("two", 3), ("three", 2), ("four", 1)):
        hand_over(supervisor, app(name, workers=count))
        assert all_serve(supervisor, count)


@pytest.mark.parametrize("count", [2, 4])
def test_a_killed_worker_is_replaced_alone(supervisor: SupervisorClient, app: App, way: str, count: int) -> None:
    program = app(way=way, workers=count)
    number = hand_over(supervisor, program)
    before = pids(supervisor)
    killed = workers(supervisor)[0]["pid"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in pids(supervisor) and all_serve(supervisor, count))
    assert len(pids(supervisor) & before) == count - 1
    assert phases(supervisor) == {number: "serving"}
    assert supervisor.status()["services"]["app"]["restarts"] == 1


@pytest.mark.long
def test_a_stopped_worker_is_replaced_alone_within_40_s(supervisor: SupervisorClient, app: App) -> None:
    program = app(workers=3)
    hand_over(supervisor, program)
    until(lambda: all_serve(supervisor, 3))
    before = pids(supervisor)
    os.kill(min(before), signal.SIGSTOP)
    until(lambda: min(before) not in pids(supervisor) and all_serve(supervisor, 3), 45)
    assert before - {min(before)} < pids(supervisor)
    assert phases(supervisor) == {1: "serving"}
    answer(program, pids(supervisor))
    assert "service_exit" in events(supervisor)
    assert "did not answer for 3" in events(supervisor)


def test_a_kept_connection_to_another_worker_survives_the_end_of_one(
    supervisor: SupervisorClient, app: App, connect: Connect
) -> None:
    program = app(workers=2)
    hand_over(supervisor, program)
    first, second = (one["pid"] for one in workers(supervisor))
    kept = connect(program)
    while _pid(kept) != second:
        kept.close()
    os.kill(first, signal.SIGKILL)
    until(lambda: first not in pids(supervisor) and all_serve(supervisor, 2))
    assert _pid(kept) == second


def _pid(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/")
    return int(client.getresponse().read().split()[1])


@pytest.mark.parametrize("count", COUNTS)
def test_workers_that_are_killed_together_come_back_together(
    supervisor: SupervisorClient, app: App, count: int
) -> None:
    program = app(workers=count)
    hand_over(supervisor, program)
    before = pids(supervisor)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not pids(supervisor) & before and all_serve(supervisor, count))
    assert answer(program, pids(supervisor))


def test_with_restart_never_the_others_serve_on(supervisor: SupervisorClient, app: App) -> None:
    program = app(workers=2, restart="never")
    hand_over(supervisor, program)
    killed, other = (one["pid"] for one in workers(supervisor))
    os.kill(killed, signal.SIGKILL)
    until(lambda: pids(supervisor) == {other})
    assert [answer(program, {other}) for _ in range(5)] == [True] * 5
    assert "worker 1: killed by SIGKILL" in events(supervisor)


def test_a_worker_that_dies_while_its_generation_starts_fails_the_generation(
    supervisor: SupervisorClient, app: App, way: str, count: int
) -> None:
    hand_over(supervisor, app("one", workers=count))
    number = supervisor.start(app("two", way=way, workers=count))["generation"]
    supervisor.wait("app", number, 60)
    os.kill(workers(supervisor, number)[-1]["pid"], signal.SIGKILL)
    until(lambda: phases(supervisor) == {1: "serving"})
    with pytest.raises(NotReady, match="killed by SIGKILL"):
        supervisor.wait("app", number, 60)
    assert ask(app())[0] == "one"


def test_an_app_that_refuses_to_start_is_reported_once(supervisor: SupervisorClient, app: App, count: int) -> None:
    number = supervisor.start(app(workers=count, env={"REFUSES": "ConfigError: no such strategy"}))["generation"]
    with pytest.raises(NotReady, match="no such strategy"):
        supervisor.wait("app", number, 60)
    until(lambda: not phases(supervisor))


@pytest.mark.parametrize("count", [2, 4])
def test_workers_over_the_memory_limit_are_replaced_one_by_one(
    supervisor: SupervisorClient, app: App, count: int, connect: Connect, tmp_path: Path
) -> None:
    program = app(workers=count, max_memory=1)  # byte
    number = hand_over(supervisor, program)
    stream = begin_stream(connect(program), tmp_path / "end")
    before = pids(supervisor)
    until(lambda: len(before - pids(supervisor)) == 1 or _draining(supervisor) == 1)
    (tmp_path / "end").touch()
    assert stream.read().endswith(b" end")
    until(lambda: all_serve(supervisor, count) and len(before & pids(supervisor)) == count - 1)
    assert phases(supervisor) == {number: "serving"}
    assert supervisor.status()["services"]["app"]["restarts"] == 0


def _draining(supervisor: SupervisorClient) -> int:
    return sum(one["phase"] == "draining" for one in workers(supervisor))


def test_a_killed_supervisor_adopts_all_workers(supervisor: SupervisorClient, app: App, way: str, count: int) -> None:
    program = app(way=way, workers=count)
    number = hand_over(supervisor, program)
    supervisor.finish(keep=True)
    before, identities = pids(supervisor), [processes.identify(one) for one in pids(supervisor)]
    os.kill(supervisor_pid(supervisor), signal.SIGKILL)
    supervisor.close()
    until(supervisor.recover)
    assert (phases(supervisor), pids(supervisor)) == ({number: "serving"}, before)
    hand_over(supervisor, app("two", way=way, workers=count))
    until(lambda: phases(supervisor) == {number + 1: "serving"})
    assert not any(one and processes.alive(one) for one in identities)


def test_a_worker_that_died_without_a_supervisor_is_replaced(supervisor: SupervisorClient, app: App) -> None:
    hand_over(supervisor, app(workers=2))
    supervisor.finish(keep=True)
    pid = supervisor_pid(supervisor)
    first, second = (one["pid"] for one in workers(supervisor))
    os.kill(pid, signal.SIGKILL)
    supervisor.close()
    os.kill(first, signal.SIGKILL)
    until(supervisor.recover)
    until(lambda: all_serve(supervisor, 2))
    assert second in pids(supervisor)


def test_stop_ends_every_worker_and_names_each(supervisor: SupervisorClient, app: App, way: str, count: int) -> None:
    hand_over(supervisor, app(way=way, workers=count))
    before = pids(supervisor)
    result = supervisor.stop(["app"])
    assert {one["pid"] for one in result["stopped"]} == before
    assert not result["killed"]
    assert not any(map(processes.identify, before))
    assert not list(supervisor.folder.glob("app-*"))


def test_held_requests_wait_in_every_worker(supervisor: SupervisorClient, app: App, count: int) -> None:
    program = app(workers=count, hold_timeout=0.3)
    hand_over(supervisor, program)
    supervisor.hold_requests("app", 2.0)
    statuses = set()
    for _ in range(4):
        client = connection(program)
        client.request("GET", "/")
        statuses.add(client.getresponse().status)
        client.close()
    assert statuses == {503}
    supervisor.release_requests("app")
    assert ask(program)


def test_requests_in_progress_of_all_workers_are_counted(
    supervisor: SupervisorClient, app: App, count: int, connect: Connect, tmp_path: Path
) -> None:
    program = app(workers=count)
    hand_over(supervisor, program)
    streams = [begin_stream(connect(program), tmp_path / "end") for _ in range(5)]
    assert supervisor.hold_requests("app", 0.3)[0] == 5
    (tmp_path / "end").touch()
    assert supervisor.hold_requests("app", 30.0)[0] == 0
    assert all(stream.read() for stream in streams)


def test_queries_and_recent_requests_come_from_every_worker(supervisor: SupervisorClient, app: App, count: int) -> None:
    program = app(workers=count, queries={"now": "served_app:describe"}, recorded_headers=("x-",))
    hand_over(supervisor, program)
    for _ in range(12):
        post(program)
    assert {row["pid"] for row in supervisor.query("app", "now")} == pids(supervisor)
    assert len(supervisor.recent_requests("app")) == 12
    hand_over(supervisor, app("two", workers=count))
    until(lambda: phases(supervisor) == {2: "serving"})
    assert len(supervisor.recent_requests("app")) == 12
