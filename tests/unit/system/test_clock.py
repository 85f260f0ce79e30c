from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowgate.system.clock import Clock, poll, stamp


class Hands:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += seconds

    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep)


def test_waits_double_up_to_the_ceiling() -> None:
    naps: list[float] = []
    poll(lambda: False, Clock(sleep=naps.append), every=0.5, ceiling=2, tries=5)
    assert naps == [0.5, 1, 2, 2]


def test_waits_stay_equal_without_a_ceiling() -> None:
    naps: list[float] = []
    poll(lambda: False, Clock(sleep=naps.append), every=0.5, tries=4)
    assert naps == [0.5, 0.5, 0.5]


def test_the_first_truthy_answer_ends_the_waiting() -> None:
    answers = iter([None, "", "yes", "more"])
    naps: list[float] = []
    assert poll(lambda: next(answers), Clock(sleep=naps.append)) == "yes"
    assert len(naps) == 2


def test_an_answer_at_once_needs_no_nap() -> None:
    naps: list[float] = []
    assert poll(lambda: 7, Clock(sleep=naps.append)) == 7
    assert naps == []


def test_the_last_answer_is_given_when_tries_are_used_up() -> None:
    answers = iter([None, 0, ""])
    assert poll(lambda: next(answers), Clock(sleep=lambda _: None), tries=3) == ""


def test_a_single_try_asks_once() -> None:
    asked: list[int] = []
    poll(lambda: asked.append(1), Clock(sleep=lambda _: None), tries=1)
    assert asked == [1]


def test_the_last_nap_ends_at_the_timeout_and_one_more_question_follows() -> None:
    hands = Hands()
    asked: list[float] = []
    poll(lambda: asked.append(hands.time), hands.clock(), every=1, ceiling=4, timeout=5)
    assert hands.naps == [1, 2, 2]
    assert asked == [100, 101, 103, 105]


def test_a_failing_question_is_not_asked_again() -> None:
    answers = iter([False])
    with pytest.raises(StopIteration):
        poll(lambda: next(answers), Clock(sleep=lambda _: None), tries=9)


def test_stamp_is_utc_with_milliseconds() -> None:
    berlin = timezone(timedelta(hours=2))
    assert stamp(datetime(2026, 1, 31, 14, 0, 0, 7999, berlin)) == "2026-01-31T12:00:00.007Z"


def test_the_wall_clock_knows_its_zone() -> None:
    assert Clock().wall().tzinfo is UTC


def test_what_the_keeper_imports_brings_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from flowgate.system import clock, files, processes, sockets; clock.poll(lambda: 1, clock.Clock());"
        "print({'requests', 'tenacity', 'psutil', 'asyncio', 'ssl', 'hashlib'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
