"""Time as an argument, and the one waiting loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

T = TypeVar("T")


SLICE = 0.2  # seconds; a thread that sleeps can be interrupted only in between


def _sleep(seconds: float) -> None:
    if threading.current_thread() is threading.main_thread():
        time.sleep(seconds)
        return
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SLICE))


def _utc() -> datetime:
    return datetime.now(UTC)


class Clock(NamedTuple):
    """What time it is, and how to let it pass.

    Attributes:
        now: Seconds that only grow; its zero means nothing.
        sleep: Lets so many seconds pass.
        wall: The date and time of day, with its zone.
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
    """Ask again and again until the answer is truthy.

    Args:
        every: Seconds before the second question; each further wait is twice as long.
        ceiling: The longest wait in seconds; `every` when absent, so all waits are equal.
        tries: How often to ask.
        timeout: Seconds by the clock. Without either it asks for ever.

    Returns:
        The first truthy answer, else the last one.
    """
    first = [ask()]
    if first[0] or tries == 1:
        return first[0]  # the usual case: a process that need not wait does not load tenacity
    from tenacity import RetryCallState, Retrying, retry_if_result, wait_exponential

    deadline = None if timeout is None else clock.now() + timeout
    growing = wait_exponential(multiplier=every, max=every if ceiling is None else ceiling)

    def wait(state: RetryCallState) -> float:
        seconds = growing(state)
        return seconds if deadline is None else min(seconds, max(0.0, deadline - clock.now()))

    def is_over(state: RetryCallState) -> bool:
        used_up = tries is not None and state.attempt_number >= tries
        return used_up or (deadline is not None and clock.now() >= deadline)

    def last_answer(state: RetryCallState) -> T | None:
        answer: T | None = state.outcome.result() if state.outcome else None
        return answer

    asking = Retrying(
        retry=retry_if_result(lambda answer: not answer),
        wait=wait,
        stop=is_over,
        sleep=clock.sleep,
        retry_error_callback=last_answer,
    )
    return asking(lambda: first.pop() if first else ask())


def stamp(when: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, to the millisecond: 2026-01-31T12:00:00.000Z."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
