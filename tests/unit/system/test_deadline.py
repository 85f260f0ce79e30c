from __future__ import annotations

import contextlib
import signal
import threading
import time

import pytest

from flowgate.errors import Unreachable
from flowgate.system.deadline import deadline


def test_work_that_ends_in_time_is_not_interrupted() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with deadline(5):
        pass
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == (before, (0.0, 0.0))


def test_a_blocking_call_is_interrupted_and_its_finally_runs() -> None:
    log: list[str] = []

    def block() -> None:
        try:
            threading.Event().wait(30)
        finally:
            log.append("finally")

    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"not finished within 0\.3 s"), deadline(0.3):
        block()
    assert (log, time.monotonic() - started < 10) == (["finally"], True)


def test_a_handler_for_all_exceptions_does_not_catch_the_deadline() -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(30)
            except Exception:  # noqa: BLE001, S110 - as a careless step does
                pass

    with pytest.raises(Unreachable), deadline(0.3):
        stubborn()


def test_work_in_another_thread_is_interrupted() -> None:
    errors: list[str] = []

    def work() -> None:
        try:
            with deadline(0.3):
                while True:
                    time.sleep(0.01)
        except Unreachable as error:
            errors.append(error.what)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert errors == ["not finished within 0.3 s"]


def test_an_exception_of_the_work_is_not_changed() -> None:
    with pytest.raises(KeyError), deadline(5):
        raise KeyError("x")


def test_an_interruption_that_was_lost_comes_again() -> None:
    @deadline(0.3)
    def work() -> None:
        with contextlib.suppress(BaseException):  # as Python does in a callback of the garbage collector
            threading.Event().wait(10)
        threading.Event().wait(10)

    with pytest.raises(Unreachable):
        work()


def test_what_runs_at_the_end_is_not_interrupted_again() -> None:
    finished = threading.Event()

    @deadline(0.3)
    def work() -> None:
        try:
            threading.Event().wait(10)
        finally:
            threading.Event().wait(0.4)
            finished.set()

    with pytest.raises(Unreachable):
        work()
    assert finished.is_set()
