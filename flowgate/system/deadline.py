"""A time limit for code that does not check the time itself."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from flowgate.errors import Unreachable

REPEAT_SECONDS = 0.1


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
    def expire(number: int, frame: FrameType | None) -> None:
        if not isinstance(sys.exc_info()[1], _Expired):  # else `finally` blocks run already
            raise _Expired

    before = signal.signal(signal.SIGALRM, expire)
    # Again and again: an exception is lost where Python ignores it, as in a callback of the garbage collector.
    signal.setitimer(signal.ITIMER_REAL, seconds, REPEAT_SECONDS)
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
