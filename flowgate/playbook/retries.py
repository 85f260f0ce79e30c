"""Retry a task or a block: how often, and how long to wait between the attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flowgate.domain import Task, Variables
from flowgate.errors import InvalidValue
from flowgate.playbook.coerce import coerce
from flowgate.playbook.expressions import render
from flowgate.playbook.locate import below

RETRIES = 3  # when only `until` is written, as in Ansible
DELAY = 5.0  # seconds, as in Ansible
MAXIMUM = 1_000_000_000  # of any number in this module

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to wait.

    Attributes:
        attempts: Number of attempts, the first included.
        delay: First wait in seconds.
        backoff: Factor by which each wait exceeds the one before.
        max_delay: Longest wait in seconds; None for no limit.
    """

    attempts: int
    delay: float
    backoff: float
    max_delay: float | None


def read_retries(task: Task, variables: Variables) -> RetryPolicy:
    """Read the retry policy of a task or block.

    Source: ansible-core, `executor/task_executor.py`: `retries` is the number of attempts after the first.

    Args:
        task: The task or block.
        variables: Variables for the expressions in the policy.

    Returns:
        The policy, with Ansible's defaults.

    Raises:
        InvalidValue: A value is not a number, or out of range.
    """
    retries = read_number(task, "retries", int, task.retries, variables)
    delay = read_number(task, "delay", float, task.delay, variables)
    backoff = read_number(task, "backoff", float, task.backoff, variables)
    return RetryPolicy(
        attempts=1 + (RETRIES if retries is None else retries),
        delay=DELAY if delay is None else delay,
        backoff=1.0 if backoff is None else max(1.0, backoff),
        max_delay=read_number(task, "max_delay", float, task.max_delay, variables),
    )


def read_parallel(task: Task, variables: Variables) -> int:
    """Read how many items of a loop, or tasks of a block, run at a time.

    Args:
        task: The task or block.
        variables: Variables for the expression.

    Returns:
        The number; 1 when none is written.

    Raises:
        InvalidValue: The value is not a whole number from 1.
    """
    number = read_number(task, "parallel", int, task.parallel, variables)
    if number == 0:
        raise InvalidValue("parallel", found=number, wanted="a whole number from 1", at=task.at("parallel"))
    return 1 if number is None else number


def retry(
    policy: RetryPolicy,
    attempt: Callable[[int], T],
    is_done: Callable[[T], bool],
    sleep: Callable[[float], object],
) -> tuple[T, bool]:
    """Repeat an attempt until it is done, or until all attempts are used.

    Args:
        policy: How often, and how long to wait.
        attempt: Makes one attempt; receives its number, from 1.
        is_done: Decides from the value of an attempt whether it was the last.
        sleep: Waits for a number of seconds.

    Returns:
        The value of the last attempt, and whether it was done.
    """

    def make(number: int) -> tuple[T, bool]:
        value = attempt(number)
        return value, is_done(value)

    first = make(1)
    if first[1] or policy.attempts == 1:
        return first  # most tasks end here, without the import of tenacity
    from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_exponential

    def next_attempt() -> tuple[T, bool]:
        number = retrying.statistics["attempt_number"]
        return first if number == 1 else make(number)

    def last(state: RetryCallState) -> tuple[T, bool]:
        return state.outcome.result() if state.outcome else first

    retrying = Retrying(
        retry=retry_if_result(lambda ended: not ended[1]),
        stop=stop_after_attempt(policy.attempts),
        wait=wait_exponential(
            multiplier=policy.delay,
            exp_base=policy.backoff,
            max=MAXIMUM if policy.max_delay is None else policy.max_delay,
        ),
        sleep=lambda seconds: (sleep(seconds), None)[1],
        retry_error_callback=last,
    )
    return retrying(next_attempt)


def read_number(task: Task, keyword: str, kind: type[T], written: Any, variables: Variables) -> T | None:
    """Read a number from a keyword of a task.

    Args:
        task: The task or block.
        keyword: Dotted path of the value under the task, for errors.
        kind: int or float.
        written: The number, or an expression for one.
        variables: Variables for the expression.

    Returns:
        The number; None when none is written.

    Raises:
        InvalidValue: The value is not a number, or out of range.
    """
    value = render(written, variables, below(task.at, keyword))
    if value is None:
        return None
    try:
        number = coerce(kind, value)
    except ValueError as wanted:
        raise InvalidValue(keyword, found=value, wanted=str(wanted), at=task.at(keyword)) from None
    if not 0 <= number < MAXIMUM:
        raise InvalidValue(keyword, found=value, wanted=f"a number from 0 to {MAXIMUM}", at=task.at(keyword))
    return number  # type: ignore[no-any-return]
