"""Several jobs at once, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from flowgate.system.deadline import inject

T = TypeVar("T")
SLICE = 0.2  # seconds of a wait; a thread that waits can be interrupted only in between
MOST = 64  # threads


def run_parallel(jobs: Sequence[Callable[[], T]], width: int) -> list[T]:
    """Do jobs, so many at a time, each to its end.

    Ctrl-C interrupts those under way, with KeyboardInterrupt inside each as soon as it executes Python again; those
    that wait never begin. When all have ended, it is raised here. A second Ctrl-C waits for nobody.

    Args:
        width: From 1; more than 64 at a time make nothing faster.

    Returns:
        What each gave, in the order of the jobs.

    Raises:
        FlowGateError: What the first of them, in their order, failed with, when all have ended.
    """
    crew = _Crew(jobs)
    try:
        for _ in range(min(width, len(jobs), MOST)):
            threading.Thread(target=crew.work, daemon=True).start()
        crew.wait()
    except KeyboardInterrupt:
        crew.interrupt()
        try:
            crew.wait()
        except KeyboardInterrupt:
            crew.interrupt()
            raise
        raise
    return crew.given()


class _Crew(Generic[T]):
    def __init__(self, jobs: Sequence[Callable[[], T]]) -> None:
        self._waiting = list(enumerate(jobs))[::-1]
        self._given: dict[int, T] = {}
        self._failed: dict[int, BaseException] = {}
        self._lock = threading.Lock()
        self._busy: set[int] = set()
        self._over = threading.Event()
        self._note()

    def work(self) -> None:
        """Do one job after another until none waits."""
        me = threading.get_ident()
        try:
            while (taken := self._take(me)) is not None:
                self._do(*taken)
                self._leave(me)
        except KeyboardInterrupt:  # it came when a job had just ended
            self._leave(me)

    def _take(self, me: int) -> tuple[int, Callable[[], T]] | None:
        with self._lock:
            if not self._waiting:
                return None
            self._busy.add(me)
            return self._waiting.pop()

    def _do(self, index: int, job: Callable[[], T]) -> None:
        try:
            self._given[index] = job()
        except BaseException as error:  # noqa: BLE001  raised where all jobs are waited for
            self._failed[index] = error

    def _leave(self, me: int) -> None:
        """Be busy no more, once it is noted how the job ended; nobody is interrupted after this."""
        with self._lock:
            self._busy.discard(me)
            self._note()

    def _note(self) -> None:
        if not self._waiting and not self._busy:
            self._over.set()

    def wait(self) -> None:
        """Wait until every job has ended."""
        while not self._over.wait(SLICE):
            pass

    def interrupt(self) -> None:
        """Interrupt the jobs under way; let none begin."""
        with self._lock:
            self._waiting.clear()
            for thread in self._busy:
                inject(thread, KeyboardInterrupt)
            self._note()

    def given(self) -> list[T]:
        """Give what the jobs gave; raise what the first of them failed with."""
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._given[index] for index in sorted(self._given)]
