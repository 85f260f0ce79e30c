"""Client connections of a worker: kept ones, idle ones, and more of them than it has files for."""

from __future__ import annotations

import contextlib
import http.client
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.domain.request_rules import RequestRules
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.connections import HIGHEST_CONNECTIONS, KEEP_ALIVE_SECONDS, most_connections
from tests.conftest import until
from tests.unit.supervisor.test_handover import hand_over, phases

App = Callable[..., Program]
FILES = 128
MOST = 32  # (FILES - 64) / 2
PLACES = 21  # (FILES - 64) / 3


@pytest.fixture
def small(app: App) -> Program:
    """A program whose worker may have few files open."""
    shell = ("/bin/sh", "-c", f'ulimit -n {FILES}; exec "$0" "$@"', sys.executable, "-m", "flowgate.supervisor.worker")
    return replace(app(way="cold"), argv=shell)


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def get(client: http.client.HTTPConnection) -> bytes:
    client.request("GET", "/")
    return client.getresponse().read()


def connect(program: Program, opened: contextlib.ExitStack) -> http.client.HTTPConnection:
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    client.connect()
    opened.enter_context(contextlib.closing(client))
    return client


@pytest.mark.parametrize(
    ("files", "most"), [(256, 96), (1024, 480), (20_000, 9_968), (10**9, HIGHEST_CONNECTIONS), (70, 8), (1, 8)]
)
def test_half_of_the_files_are_for_clients(files: int, most: int) -> None:
    assert most_connections(files) == most


def test_kept_connections_outlast_those_of_common_clients(
    supervisor: SupervisorClient, app: App, opened: contextlib.ExitStack
) -> None:
    assert KEEP_ALIVE_SECONDS > 90  # Go's default
    program = app(queries={"timeouts": "tests.unit.supervisor.test_connections:keep_alive_seconds"})
    hand_over(supervisor, program)
    assert supervisor.query("app", "timeouts") == [KEEP_ALIVE_SECONDS]


def keep_alive_seconds() -> list[float]:
    """Return the time-outs of the servers in this process; called in a worker."""
    import gc

    from flowgate.supervisor.worker_server import WorkerServer

    return [one.config.timeout_keep_alive for one in gc.get_objects() if isinstance(one, WorkerServer)]


def test_idle_connections_leave_room_for_new_ones(
    supervisor: SupervisorClient, small: Program, opened: contextlib.ExitStack
) -> None:
    hand_over(supervisor, small)
    for _ in range(3 * MOST):
        connect(small, opened)  # unused
    for _ in range(3 * MOST):
        assert get(connect(small, opened)).startswith(b"one")


def test_many_clients_at_once_are_all_answered_and_the_log_stays_short(
    supervisor: SupervisorClient, small: Program, opened: contextlib.ExitStack
) -> None:
    hand_over(supervisor, small)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: get(connect(small, opened)), range(6 * MOST)))
    assert all(one.startswith(b"one") for one in answers)
    assert len(small.log.read_text().splitlines()) < 40


def test_more_idle_connections_than_are_kept_are_closed_the_oldest_first(
    supervisor: SupervisorClient, small: Program, opened: contextlib.ExitStack
) -> None:
    hand_over(supervisor, small)
    kept = [connect(small, opened) for _ in range(MOST - 4)]
    for one in kept:
        get(one)
    until(lambda: _count_closed(kept) == len(kept) - MOST // 2)
    assert _count_closed(kept[: len(kept) - MOST // 2]) == len(kept) - MOST // 2


def _count_closed(clients: list[http.client.HTTPConnection]) -> int:
    """Return how many connections the server has closed."""
    closed = 0
    for one in clients:
        one.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            closed += one.sock.recv(1) == b""
    return closed


def test_idle_connections_do_not_delay_a_drain(
    supervisor: SupervisorClient, app: App, opened: contextlib.ExitStack, way: str
) -> None:
    hand_over(supervisor, app("one", way=way))
    used = [connect(app(), opened) for _ in range(20)]
    for one in used[:10]:
        get(one)
    hand_over(supervisor, app("two", way=way))
    until(lambda: phases(supervisor) == {2: "serving"})


def test_a_worker_with_few_files_serves_what_it_can_and_refuses_the_rest(
    supervisor: SupervisorClient, small: Program, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    end, rules = tmp_path / "end", RequestRules(unchecked_paths=("/stream/*",))
    hand_over(supervisor, replace(small, request_rules=rules))
    clients = [connect(small, opened) for _ in range(PLACES + 5)]
    for one in clients:
        one.request("POST", f"/stream/{end}")
    found = [one.getresponse() for one in clients]
    assert Counter(one.status for one in found) == {200: PLACES, 503: 5}
    assert {one.getheader("retry-after") for one in found if one.status == 503} == {"1"}
    end.touch()
    assert all(one.read().endswith(b"end") for one in found if one.status == 200)
    assert get(connect(small, opened)).startswith(b"one")
