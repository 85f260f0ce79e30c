"""Limits of clients, counted by several workers together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowgate.domain.client_keys import Limits
from flowgate.supervisor.shared_quotas import SharedQuotas
from flowgate.system import processes
from flowgate.system.processes import Identity
from tests.conftest import CHECKOUT

PARALLEL, RATE = Limits(max_parallel=3), Limits(requests_per_minute=5)


class Time:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def other_worker(folder: Path, pid: int, now: Time | None = None) -> SharedQuotas:
    """Return the quotas of another process that lives: the process 1, or that of the test."""
    made = SharedQuotas(folder, *([now] if now else []))
    made._me = processes.identify(pid) or Identity(pid, 0)
    return made


def test_requests_in_progress_of_all_workers_count(tmp_path: Path) -> None:
    one, two = SharedQuotas(tmp_path), other_worker(tmp_path, 1)
    assert [one.enter("a", PARALLEL), two.enter("a", PARALLEL), one.enter("a", PARALLEL)] == [None] * 3
    assert two.enter("a", PARALLEL) == one.enter("a", PARALLEL) == ("too_many_parallel", 1)
    assert one.in_progress("a") == 3
    one.leave("a")
    assert two.enter("a", PARALLEL) is None


def test_clients_are_counted_apart(tmp_path: Path) -> None:
    one = SharedQuotas(tmp_path)
    for name in ("a", "b"):
        assert [one.enter(name, PARALLEL) for _ in range(3)] == [None] * 3
        assert one.enter(name, PARALLEL)


def test_requests_of_the_last_minute_of_all_workers_count(tmp_path: Path) -> None:
    now = Time()
    workers = (SharedQuotas(tmp_path, now), other_worker(tmp_path, 1, now))
    for number in range(5):
        assert workers[number % 2].enter("a", RATE) is None
        now.now += 1.0
    assert [one.enter("a", RATE) for one in workers] == [("too_many", 55)] * 2
    now.now += 55.0
    assert workers[0].enter("a", RATE) is None
    assert workers[1].enter("a", RATE) == ("too_many", 1)


@pytest.mark.parametrize(("before", "after"), [(5, 2), (2, 5), (5, 3), (1, 4)])
def test_a_changed_limit_holds_at_once_and_forgets_nothing(tmp_path: Path, before: int, after: int) -> None:
    now = Time()
    one = SharedQuotas(tmp_path, now)
    assert [one.enter("a", Limits(requests_per_minute=before)) for _ in range(before)] == [None] * before
    left = max(0, after - before)
    assert [one.enter("a", Limits(requests_per_minute=after)) for _ in range(left)] == [None] * left
    assert one.enter("a", Limits(requests_per_minute=after)) == ("too_many", 60)


def test_what_a_worker_that_has_ended_had_in_progress_is_void(tmp_path: Path) -> None:
    gone, one = SharedQuotas(tmp_path), SharedQuotas(tmp_path)
    gone._me = Identity(2**22 + 5, 1)
    assert [gone.enter("a", PARALLEL) for _ in range(3)] == [None] * 3
    assert one.enter("a", PARALLEL) is None
    assert one.in_progress("a") == 1


def test_a_client_without_limits_costs_no_file(tmp_path: Path) -> None:
    one = SharedQuotas(tmp_path / "quotas")
    assert one.enter("a", Limits()) is None
    one.leave("a")
    assert not (tmp_path / "quotas").exists()


def test_a_worker_that_cannot_use_the_folder_counts_by_itself(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one = SharedQuotas(tmp_path / "file" / "quotas")
    assert [one.enter("a", PARALLEL) for _ in range(3)] == [None] * 3
    assert one.enter("a", PARALLEL) == ("too_many_parallel", 1)
    one.leave("a")
    assert one.enter("a", PARALLEL) is None


ENTER = """
import sys
from pathlib import Path
from flowgate.domain.client_keys import Limits
from flowgate.supervisor.shared_quotas import SharedQuotas
quotas = SharedQuotas(Path(sys.argv[1]))
print(sum(quotas.enter("a", Limits(requests_per_minute=50)) is None for _ in range(40)))
"""


def test_four_processes_at_once_admit_exactly_as_many_as_allowed(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", ENTER, str(tmp_path))
    started = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) for _ in range(4)]
    assert sum(int(one.communicate(timeout=60)[0]) for one in started) == 50


def test_requests_without_and_with_a_limit_are_added_up(tmp_path: Path) -> None:
    one = SharedQuotas(tmp_path)
    for limits in (Limits(), PARALLEL, PARALLEL):
        assert one.enter("a", limits) is None
    assert one.in_progress("a") == 3
    for left in (2, 1, 0):
        one.leave("a")
        assert one.in_progress("a") == left
