"""When a failed download attempt is followed by another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, Unreachable
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from tenacity import RetryCallState


class RetryableError(Exception):
    """A failed attempt; another one may succeed.

    Attributes:
        error: What failed.
        wait: Seconds that the server asks to wait; None if it does not.
    """

    def __init__(self, error: FlowGateError, wait: float | None = None) -> None:
        super().__init__(error.what)
        self.error, self.wait = error, wait


class ProgressedError(RetryableError):
    """A failed attempt that got further than those before it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of attempts, and waits.

    Attributes:
        attempts: Attempts in a row without progress.
        first_wait: Seconds before the second attempt; the wait doubles after each attempt without progress.
        max_wait: The longest such wait in seconds.
        max_retry_after: The longest wait in seconds that a server may ask for.
    """

    attempts: int = 5
    first_wait: float = 0.5
    max_wait: float = 8.0
    max_retry_after: float = 90.0


def run_attempts(
    attempt: Callable[[], bool], policy: RetryPolicy, clock: Clock, on_retry: Callable[[str], None]
) -> bool:
    """Call a function until it does not raise RetryableError.

    There are two policies. After progress another attempt follows, however many there were. Without progress the
    waits grow, a server may ask for a longer one, and the number of attempts is limited.

    Args:
        attempt: The function.
        policy: Number of attempts, and waits.
        clock: Waits.
        on_retry: Called with a sentence before each further attempt.

    Returns:
        The result of the successful attempt.

    Raises:
        Unreachable: All attempts failed.
    """
    from tenacity import (
        Retrying,
        retry_if_exception,
        retry_if_exception_type,
        stop_after_attempt,
        wait_exponential,
        wait_fixed,
    )

    backoff = wait_exponential(multiplier=policy.first_wait, max=policy.max_wait)

    def wait(state: RetryCallState) -> float:
        asked = _failure(state).wait
        return backoff(state) if asked is None else asked

    def report(state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        on_retry(f"{_failure(state).error.what}; next attempt in {seconds:g} s")

    after_progress = Retrying(
        retry=retry_if_exception_type(ProgressedError),
        wait=wait_fixed(policy.first_wait),
        sleep=clock.sleep,
        before_sleep=report,
    )
    without_progress = Retrying(
        retry=retry_if_exception(lambda error: type(error) is RetryableError),
        stop=stop_after_attempt(policy.attempts),
        wait=wait,
        sleep=clock.sleep,
        before_sleep=report,
        retry_error_callback=_give_up,
    )
    return after_progress(lambda: without_progress(attempt))


def _failure(state: RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetryableError):
        raise TypeError(f"not a retryable error: {error!r}")
    return error


def _give_up(state: RetryCallState) -> bool:
    error = _failure(state).error
    raise Unreachable(f"{error.what}, {state.attempt_number} times in a row", fix=error.fix or "try again later")
