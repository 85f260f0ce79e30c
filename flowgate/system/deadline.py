"""A time limit for code that does not check the time itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from flowgate.errors import Unreachable


class _Expired(BaseException):
    """The time limit has passed; a BaseException, because a step may catch every Exception."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Interrupt the body after a time limit; its `finally` blocks run.

    In the main thread a signal interrupts even a blocking call. Any other thread is interrupted when it next executes
    Python code.

    Args:
        seconds: The time limit.

    Raises:
        Unreachable: The time limit has passed.
    """
    try:
        if threading.current_thread() is threading.main_thread():
            with _alarm(seconds):
                yield
        else:
            with _timer(seconds):
                yield
    except _Expired:
        raise Unreachable(f"not finished within {seconds:g} s") from None


def raise_in_thread(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in another thread, when it next executes Python code.

    Args:
        thread: Its ident.
        error: The exception's class.
    """
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
def _timer(seconds: float) -> Iterator[None]:
    target = threading.get_ident()
    lock, over = threading.Lock(), False

    def expire() -> None:
        with lock:  # never after the body has ended
            if not over:
                raise_in_thread(target, _Expired)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
