from __future__ import annotations

import _thread
import threading
import time

import pytest

from flowgate.system.clock import Clock
from flowgate.system.parallel import run_parallel
from tests.conftest import interruptible

SECONDS = 10.0


def test_width_jobs_run_at_the_same_time() -> None:
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


def test_no_jobs_have_no_results() -> None:
    assert run_parallel([], 4) == []


def test_the_first_exception_is_raised_when_all_jobs_have_ended() -> None:
    done: list[int] = []

    def job(number: int) -> None:
        if number in (1, 2):
            raise ValueError(number)
        done.append(number)

    with pytest.raises(ValueError, match="1"):
        run_parallel([lambda n=n: job(n) for n in range(6)], 2)  # type: ignore[misc]
    assert sorted(done) == [0, 3, 4, 5]


class Sleepers:
    """Jobs that sleep, and Ctrl-C once two of them run."""

    def __init__(self) -> None:
        self.running = threading.Barrier(3, timeout=SECONDS)
        self.ended: list[str] = []
        self.jobs = [self.sleep, self.sleep, lambda: self.ended.append("late")]

    def sleep(self) -> None:
        try:
            self.running.wait()
            Clock().sleep(60)
            self.ended.append("slept")
        except KeyboardInterrupt:
            self.ended.append("interrupted")
            raise

    def press_ctrl_c(self) -> None:
        self.running.wait()
        _thread.interrupt_main()


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "inside another"])
def test_ctrl_c_interrupts_running_jobs_and_starts_no_other(nested: bool) -> None:
    sleepers = Sleepers()
    thread = threading.Thread(target=sleepers.press_ctrl_c)
    started = time.monotonic()
    thread.start()
    with interruptible(), pytest.raises(KeyboardInterrupt):
        run_parallel([lambda: run_parallel(sleepers.jobs, 2)] if nested else sleepers.jobs, 2)
    thread.join()
    assert sleepers.ended == ["interrupted", "interrupted"]
    assert time.monotonic() - started < 20


def test_no_exception_of_a_short_job_is_lost() -> None:
    def fail() -> None:
        raise ValueError("no")

    for _ in range(300):
        with pytest.raises(ValueError, match="no"):
            run_parallel([fail, fail, fail, fail], 4)
