"""A deadline for work that does not watch the clock itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from flowgate.errors import Unreachable


class _Expired(BaseException):
    """Time is up; no `except Exception` on the way may swallow it."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Interrupt the work inside when it takes longer than so many seconds; its `finally` parts run.

    In the main thread a signal interrupts even a blocking call. In any other thread the work is interrupted as soon as
    it executes Python again.

    Raises:
        Unreachable: Time was up.
    """
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(seconds):
                yield
        else:
            with _injected(seconds):
                yield
    except _Expired:
        raise Unreachable(f"not finished within {seconds:g} s") from None


def inject(thread: int, error: type[BaseException]) -> None:
    """Raise an error inside a thread, as soon as it executes Python again; thread: its ident."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def expire(number: int, frame: FrameType | None) -> NoReturn:
        raise _Expired

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _injected(seconds: float) -> Iterator[None]:
    target = threading.get_ident()
    lock, over = threading.Lock(), False

    def expire() -> None:
        with lock:  # never after the work has ended
            if not over:
                inject(target, _Expired)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
