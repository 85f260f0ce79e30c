"""The requests in progress of all workers of a generation, counted together."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.supervisor.shared_places import SharedPlaces

TAKE = """
import sys
from pathlib import Path
from flowgate.supervisor.shared_places import SharedPlaces
places = SharedPlaces(Path(sys.argv[1]), int(sys.argv[2]))
print(sum(places.take(100) for _ in range(80)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests"


def worker(path: Path, index: int) -> subprocess.Popen[str]:
    """Start a process that takes up to 80 of 100 places, says how many it got, and keeps them until it ends."""
    argv = [sys.executable, "-c", TAKE, str(path), str(index)]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def taken(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def three(path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    found = [worker(path, index) for index in range(3)]
    yield found
    for one in found:
        ended(one)


def test_several_workers_take_exactly_all_places(three: list[subprocess.Popen[str]]) -> None:
    assert sum(taken(one) for one in three) == 100


def test_the_places_of_a_killed_worker_are_free(path: Path) -> None:
    first = worker(path, 1)
    assert taken(first) == 80
    own = SharedPlaces(path, 0)
    assert [own.take(80), own.take(100)] == [False, True]
    ended(first)
    assert own.take(80)


def test_a_place_that_is_given_back_can_be_taken(path: Path) -> None:
    one, two = SharedPlaces(path, 1), SharedPlaces(path, 2)
    assert [one.take(1), two.take(1)] == [True, False]
    one.leave()
    assert two.take(1)


def test_a_locked_board_stops_nobody(path: Path) -> None:
    import fcntl

    one = SharedPlaces(path, 1)
    with path.open("r+b") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_EX)
        assert one.take(1)


def test_a_board_that_is_locked_for_a_moment_is_waited_for(path: Path) -> None:
    import fcntl

    one, two = SharedPlaces(path, 1), SharedPlaces(path, 2)
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def take_the_last_place() -> None:
            two._counts[2] = two.own = 1
            fcntl.flock(held, fcntl.LOCK_UN)

        ended = threading.Timer(0.02, take_the_last_place)
        ended.start()
        assert not one.take(1)
        ended.join()


def test_far_from_the_limit_a_place_is_taken_without_the_lock(path: Path) -> None:
    import fcntl

    one, two = SharedPlaces(path, 1), SharedPlaces(path, 2)
    with path.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert all(places.take(1000) for places in (one, two) for _ in range(20))
    assert [one.own, two.own, one.take(40), one.take(41), two.take(41)] == [20, 20, False, True, False]
