from __future__ import annotations

import _thread
import threading
import time

import pytest

from flowgate.system.clock import Clock
from flowgate.system.parallel import run_parallel
from tests.conftest import interruptible

SECONDS = 10.0


def test_as_many_run_at_a_time_as_asked_and_no_more() -> None:
    lock = threading.Lock()
    now, most = 0, 0
    barrier = threading.Barrier(3, timeout=SECONDS)

    def job(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        barrier.wait()
        with lock:
            now -= 1
        return number

    assert run_parallel([lambda n=n: job(n) for n in range(9)], 3) == list(range(9))  # type: ignore[misc]
    assert most == 3


def test_no_jobs_give_nothing() -> None:
    assert run_parallel([], 4) == []


def test_the_first_failure_is_raised_when_all_have_ended() -> None:
    done: list[int] = []

    def job(number: int) -> None:
        if number in (1, 2):
            raise ValueError(number)
        done.append(number)

    with pytest.raises(ValueError, match="1"):
        run_parallel([lambda n=n: job(n) for n in range(6)], 2)  # type: ignore[misc]
    assert sorted(done) == [0, 3, 4, 5]


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "inside another"])
def test_ctrl_c_interrupts_those_under_way_and_lets_none_begin(nested: bool) -> None:
    begun = threading.Barrier(3, timeout=SECONDS)
    ended: list[str] = []

    def sleeper() -> None:
        try:
            begun.wait()
            Clock().sleep(60)
            ended.append("slept")
        except KeyboardInterrupt:
            ended.append("interrupted")
            raise

    def press() -> None:
        begun.wait()
        _thread.interrupt_main()

    jobs = [sleeper, sleeper, lambda: ended.append("late")]
    presser = threading.Thread(target=press)
    began = time.monotonic()

    def work() -> None:
        presser.start()
        run_parallel([lambda: run_parallel(jobs, 2)] if nested else jobs, 2)

    with interruptible(), pytest.raises(KeyboardInterrupt):
        work()
    presser.join()
    assert ended == ["interrupted", "interrupted"]
    assert time.monotonic() - began < 20


def test_no_failure_is_lost_however_fast_the_jobs_end() -> None:
    def refuse() -> None:
        raise ValueError("no")

    for _ in range(300):
        with pytest.raises(ValueError, match="no"):
            run_parallel([refuse, refuse, refuse, refuse], 4)
