"""The clock as a parameter, and polling."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

T = TypeVar("T")
SLICE_SECONDS = 0.2  # `deadline` interrupts a thread only between two calls of `time.sleep`


def _sleep(seconds: float) -> None:
    if threading.current_thread() is threading.main_thread():
        time.sleep(seconds)
        return
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_SECONDS))


def _utc() -> datetime:
    return datetime.now(UTC)


class Clock(NamedTuple):
    """The time, as a parameter that tests can replace.

    Attributes:
        now: Returns monotonic seconds.
        sleep: Sleeps for some seconds.
        wall: Returns the date and time, with a time zone.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = _sleep
    wall: Callable[[], datetime] = _utc


def poll(
    ask: Callable[[], T | None],
    clock: Clock,
    *,
    every: float = 0.02,
    ceiling: float | None = None,
    tries: int | None = None,
    timeout: float | None = None,
) -> T | None:
    """Call a function until its result is truthy. Without `tries` and `timeout`, poll forever.

    Args:
        ask: The function. Its exceptions end the polling.
        clock: Measures and waits.
        every: Seconds before the second call; each further wait is twice as long.
        ceiling: The longest wait in seconds; default: `every`, so that all waits are equal.
        tries: The largest number of calls.
        timeout: Seconds after which there is one last call.

    Returns:
        The first truthy result, else the last result.
    """
    first = [ask()]
    if first[0] or tries == 1:
        return first[0]  # the usual case; tenacity is not imported
    from tenacity import RetryCallState, Retrying, retry_if_result, wait_exponential

    deadline = None if timeout is None else clock.now() + timeout
    backoff = wait_exponential(multiplier=every, max=every if ceiling is None else ceiling)

    def wait(state: RetryCallState) -> float:
        seconds = backoff(state)
        return seconds if deadline is None else min(seconds, max(0.0, deadline - clock.now()))

    def is_over(state: RetryCallState) -> bool:
        exhausted = tries is not None and state.attempt_number >= tries
        return exhausted or (deadline is not None and clock.now() >= deadline)

    def last_result(state: RetryCallState) -> T | None:
        result: T | None = state.outcome.result() if state.outcome else None
        return result

    retrying = Retrying(
        retry=retry_if_result(lambda result: not result),
        wait=wait,
        stop=is_over,
        sleep=clock.sleep,
        retry_error_callback=last_result,
    )
    return retrying(lambda: first.pop() if first else ask())


def stamp(when: datetime) -> str:
    """Format a time as RFC 3339 in UTC, with milliseconds: 2026-01-31T12:00:00.000Z."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
