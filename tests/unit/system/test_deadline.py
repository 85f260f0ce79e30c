from __future__ import annotations

import signal
import threading
import time

import pytest

from flowgate.errors import Unreachable
from flowgate.system.deadline import deadline


def test_work_that_ends_in_time_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with deadline(5):
        pass
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == (before, (0.0, 0.0))


def test_a_blocking_call_is_interrupted_and_its_finally_runs() -> None:
    left: list[str] = []

    def block() -> None:
        try:
            threading.Event().wait(30)
        finally:
            left.append("finally")

    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"not finished within 0\.05 s"), deadline(0.05):
        block()
    assert (left, time.monotonic() - began < 10) == (["finally"], True)


def test_no_exception_handler_swallows_the_end() -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(30)
            except Exception:  # noqa: BLE001, S110 - what a careless step does
                pass

    with pytest.raises(Unreachable), deadline(0.05):
        stubborn()


def test_another_thread_is_interrupted_too() -> None:
    told: list[str] = []

    def work() -> None:
        try:
            with deadline(0.05):
                while True:
                    time.sleep(0.01)
        except Unreachable as error:
            told.append(error.what)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert told == ["not finished within 0.05 s"]


def test_an_error_of_the_work_goes_through() -> None:
    with pytest.raises(KeyError), deadline(5):
        raise KeyError("x")
