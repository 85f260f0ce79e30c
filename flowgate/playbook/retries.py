"""Try again: how often, and how long to wait between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flowgate.domain import Task
from flowgate.errors import InvalidValue
from flowgate.playbook.coerce import fit
from flowgate.playbook.expressions import Locate, render

RETRIES = 3  # further tries when only `until` is written, as in Ansible
DELAY = 5.0  # seconds between tries, as in Ansible

MOST = 1_000_000_000  # of anything that is counted here, seconds included

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tries:
    """How often to try, and how long to wait between.

    Attributes:
        most: Tries in all.
        delay: Seconds, the first wait and the longest (None: no limit).
        max_delay: Seconds, the first wait and the longest (None: no limit).
        backoff: By what each wait is longer than the last.
    """

    most: int
    delay: float
    backoff: float
    max_delay: float | None


def tries_of(task: Task, variables: Mapping[str, Any]) -> Tries:
    """Read what a task or a block says about trying again.

    Source: ansible-core, `executor/task_executor.py`: `retries` counts the tries after the first

    Raises:
        InvalidValue: See the message.
    """
    retries = number(task, "retries", int, task.retries, variables)
    delay = number(task, "delay", float, task.delay, variables)
    backoff = number(task, "backoff", float, task.backoff, variables)
    return Tries(
        most=1 + (RETRIES if retries is None else retries),
        delay=DELAY if delay is None else delay,
        backoff=1.0 if backoff is None else max(1.0, backoff),
        max_delay=number(task, "max_delay", float, task.max_delay, variables),
    )


def width_of(task: Task, variables: Mapping[str, Any]) -> int:
    """Give how many items of a loop, or tasks of a block, run at a time: 1 when nothing is written.

    Raises:
        InvalidValue: See the message.
    """
    width = number(task, "parallel", int, task.parallel, variables)
    if width == 0:
        raise InvalidValue("parallel", found=width, wanted="a whole number from 1", at=task.at("parallel"))
    return 1 if width is None else int(width)


def keep_trying(
    tries: Tries, once: Callable[[int], T], is_content: Callable[[T], bool], sleep: Callable[[float], object]
) -> tuple[T, bool]:
    """Try until content, or until all tries are used up.

    Args:
        once: Makes one try; is handed its number, from 1.

    Returns:
        What the last try gave, and whether that was content.
    """
    first = (found := once(1)), is_content(found)
    if first[1] or tries.most == 1:
        return first  # the usual case does not load tenacity
    from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_exponential

    made = [first]

    def again() -> tuple[T, bool]:
        if retrying.statistics["attempt_number"] > 1:
            one = once(len(made) + 1)
            made.append((one, is_content(one)))
        return made[-1]

    def last(state: RetryCallState) -> tuple[T, bool]:
        return made[-1]

    longest = MOST if tries.max_delay is None else tries.max_delay
    retrying = Retrying(
        retry=retry_if_result(lambda given: not given[1]),
        stop=stop_after_attempt(tries.most),
        wait=wait_exponential(multiplier=tries.delay, exp_base=tries.backoff, max=longest),
        sleep=lambda seconds: (sleep(seconds), None)[1],
        retry_error_callback=last,
    )
    return retrying(again)


def number(task: Task, word: str, kind: Any, written: Any, variables: Mapping[str, Any]) -> Any:
    """Render and fit a number that a task's word holds; None when it was not written.

    Raises:
        InvalidValue: See the message.
    """
    value = render(written, variables, under(task, word))
    if value is None:
        return None
    try:
        fitted = fit(kind, value)
    except ValueError as wanted:
        raise InvalidValue(word, found=value, wanted=str(wanted), at=task.at(word)) from None
    if not 0 <= fitted < MOST:
        raise InvalidValue(word, found=value, wanted=f"a number from 0 to {MOST}", at=task.at(word))
    return fitted


def under(task: Task, start: str) -> Locate:
    """Give the places of what stands under a word of a task."""
    return lambda path: task.at(f"{start}.{path}" if path else start)
