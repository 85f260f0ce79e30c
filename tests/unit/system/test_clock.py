from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowgate.system.clock import Clock, poll, stamp


class FakeClock:
    """A clock that advances only in `sleep`."""

    def __init__(self) -> None:
        self.time = 100.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep)


def test_waits_double_up_to_the_ceiling() -> None:
    waits: list[float] = []
    poll(lambda: False, Clock(sleep=waits.append), every=0.5, ceiling=2, tries=5)
    assert waits == [0.5, 1, 2, 2]


def test_waits_are_equal_without_a_ceiling() -> None:
    waits: list[float] = []
    poll(lambda: False, Clock(sleep=waits.append), every=0.5, tries=4)
    assert waits == [0.5, 0.5, 0.5]


def test_the_first_truthy_result_ends_the_polling() -> None:
    results = iter([None, "", "yes", "more"])
    waits: list[float] = []
    assert poll(lambda: next(results), Clock(sleep=waits.append)) == "yes"
    assert len(waits) == 2


def test_an_immediate_result_needs_no_wait() -> None:
    waits: list[float] = []
    assert poll(lambda: 7, Clock(sleep=waits.append)) == 7
    assert waits == []


def test_the_last_result_is_returned_after_the_last_try() -> None:
    results = iter([None, 0, ""])
    assert poll(lambda: next(results), Clock(sleep=lambda _: None), tries=3) == ""


def test_one_try_means_one_call() -> None:
    calls: list[int] = []
    poll(lambda: calls.append(1), Clock(sleep=lambda _: None), tries=1)
    assert calls == [1]


def test_the_last_wait_ends_at_the_timeout_and_one_more_call_follows() -> None:
    fake = FakeClock()
    calls: list[float] = []
    poll(lambda: calls.append(fake.time), fake.clock(), every=1, ceiling=4, timeout=5)
    assert fake.waits == [1, 2, 2]
    assert calls == [100, 101, 103, 105]


def test_an_exception_ends_the_polling() -> None:
    results = iter([False])
    with pytest.raises(StopIteration):
        poll(lambda: next(results), Clock(sleep=lambda _: None), tries=9)


def test_a_timestamp_is_utc_with_milliseconds() -> None:
    berlin = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 1, 31, 14, 0, 0, 7999, berlin)) == "2026-01-31T12:00:00.007Z"


def test_the_wall_clock_has_a_time_zone() -> None:
    assert Clock().wall().tzinfo is UTC


def test_modules_of_the_supervisor_import_no_heavy_libraries() -> None:
    code = (
        "import sys; before = set(sys.modules); from flowgate.system import clock, files, processes, sockets; "
        "clock.poll(lambda: 1, clock.Clock()); "
        "print({'requests', 'tenacity', 'psutil', 'asyncio', 'ssl', 'hashlib'} & (set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
