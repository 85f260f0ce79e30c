"""Workers that are killed while clients open new connections: only what they had in progress is lost."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
from collections.abc import Callable, Iterator

import psutil

from flowgate.domain import Program
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until
from tests.unit.supervisor.test_handover import hand_over
from tests.unit.supervisor.test_workers import all_serve, connection, pids, workers

CLIENTS, WORKERS, KILLS = 8, 3, 3


@contextlib.contextmanager
def clients(program: Program) -> Iterator[list[bool]]:
    """Send one request after another, each over a new connection; whether each was answered is complete afterwards."""
    ended, answered = threading.Event(), list[bool]()

    def run() -> None:
        while not ended.is_set():
            answered.append(_is_answered(program))

    threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
    for one in threads:
        one.start()
    try:
        yield answered
    finally:
        ended.set()
        for one in threads:
            one.join()


def _is_answered(program: Program) -> bool:
    with contextlib.closing(connection(program)) as client, contextlib.suppress(OSError, http.client.HTTPException):
        client.request("GET", "/")
        response = client.getresponse()
        return response.status == 200 and len(response.read().split()) == 5
    return False


def kill(pid: int, port: int) -> int:
    """Kill a worker; return how many connections of clients it had."""
    process = psutil.Process(pid)
    process.suspend()  # what it has now is what it loses
    until(lambda: process.status() == psutil.STATUS_STOPPED)
    found = [one for one in process.net_connections("tcp4") if one.laddr.port == port and one.raddr]
    os.kill(pid, signal.SIGKILL)
    return len(found)


def kill_one(supervisor: SupervisorClient, port: int) -> int:
    """Kill a worker, and wait for another one in its place; return how many connections of clients it had."""
    victim = workers(supervisor)[0]["pid"]
    lost = kill(victim, port)
    until(lambda: victim not in pids(supervisor) and all_serve(supervisor, WORKERS))
    return lost


def test_only_what_killed_workers_had_in_progress_is_lost(
    supervisor: SupervisorClient, app: Callable[..., Program]
) -> None:
    program, in_progress = app(workers=WORKERS), 0
    hand_over(supervisor, program)
    with clients(program) as answered:
        for kills in range(1, KILLS + 1):
            _wait_for(answered, 50 * kills)
            in_progress += kill_one(supervisor, program.port)
    assert answered.count(False) <= in_progress
    assert len(answered) > 50 * KILLS


def _wait_for(answered: list[bool], count: int) -> None:
    until(lambda: len(answered) > count)
