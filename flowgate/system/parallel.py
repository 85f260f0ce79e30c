"""Run several jobs in parallel, each in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from flowgate.system.deadline import raise_in_thread

T = TypeVar("T")
SLICE_SECONDS = 0.2  # an exception raised in a waiting thread takes effect only between two waits
MAX_THREADS = 64


def run_parallel(jobs: Sequence[Callable[[], T]], width: int) -> list[T]:
    """Run jobs to their end, a limited number at a time.

    Ctrl-C raises KeyboardInterrupt in every running job, when it next executes Python code, and starts no further job.
    It is raised here when all have ended. A second Ctrl-C does not wait for them.

    Args:
        jobs: The jobs.
        width: How many run at the same time, at least 1; more than 64 have no effect.

    Returns:
        Their results, in the order of the jobs.

    Raises:
        BaseException: When all jobs have ended: the exception of the first job that failed.
    """
    pool = _Pool(jobs)
    try:
        for _ in range(min(width, len(jobs), MAX_THREADS)):
            threading.Thread(target=pool.run_jobs, daemon=True).start()
        pool.wait()
    except KeyboardInterrupt:
        pool.interrupt()
        try:
            pool.wait()
        except KeyboardInterrupt:
            pool.interrupt()
            raise
        raise
    return pool.results()


class _Pool(Generic[T]):
    def __init__(self, jobs: Sequence[Callable[[], T]]) -> None:
        self._pending = list(enumerate(jobs))[::-1]
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._done = threading.Event()
        self._check_done()

    def run_jobs(self) -> None:
        """Run one job after another until none is pending."""
        thread = threading.get_ident()
        try:
            while (taken := self._take(thread)) is not None:
                self._run(*taken)
                self._finish(thread)
        except KeyboardInterrupt:  # raised in this thread when its job had just ended
            self._finish(thread)

    def _take(self, thread: int) -> tuple[int, Callable[[], T]] | None:
        with self._lock:
            if not self._pending:
                return None
            self._running.add(thread)
            return self._pending.pop()

    def _run(self, index: int, job: Callable[[], T]) -> None:
        try:
            self._results[index] = job()
        except BaseException as error:  # noqa: BLE001  raised by `results`
            self._errors[index] = error

    def _finish(self, thread: int) -> None:
        """Mark a thread's job as ended; the thread is not interrupted any more."""
        with self._lock:
            self._running.discard(thread)
            self._check_done()

    def _check_done(self) -> None:
        if not self._pending and not self._running:
            self._done.set()

    def wait(self) -> None:
        """Wait until all jobs have ended."""
        while not self._done.wait(SLICE_SECONDS):
            pass

    def interrupt(self) -> None:
        """Interrupt the running jobs and drop the pending ones."""
        with self._lock:
            self._pending.clear()
            for thread in self._running:
                raise_in_thread(thread, KeyboardInterrupt)
            self._check_done()

    def results(self) -> list[T]:
        """Return the results in the order of the jobs, or raise the exception of the first job that failed."""
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[index] for index in sorted(self._results)]
