"""Find the processes that have ended, and tell what that means for their generation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import groupby

from flowgate.supervisor import kept_requests, shared_folder, worker_group
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import Key, WorkerKey
from flowgate.supervisor.service_state import Died, Event, WorkerLost
from flowgate.supervisor.worker_process import WorkerProcess

Ended = tuple[WorkerProcess, str]  # with how it has ended


class Reaping:
    """The ends of the processes of one supervisor."""

    def __init__(
        self,
        loop: Loop,
        log: Callable[[str], None],
        workers: dict[WorkerKey, WorkerProcess],
        enqueue: Callable[[str, Event], None],
    ) -> None:
        self._loop, self._log, self._workers, self._enqueue = loop, log, workers, enqueue
        self._reasons: dict[Key, list[Ended]] = {}

    def run(self, queued: Collection[Key]) -> None:
        """Remove the processes that have ended, and enqueue what that means.

        Args:
            queued: Generations of which a worker waits for its fork server.
        """
        ended = sorted(key for key, worker in self._workers.items() if worker.has_ended())
        for generation, keys in groupby(ended, key=lambda key: key[:2]):
            lost = [self._remove(key) for key in keys]
            if worker_group.of(self._workers, generation) or generation in queued:
                self._report_lost(generation, lost)
            else:
                self._report_end(generation, lost)

    def _remove(self, key: WorkerKey) -> Ended:
        worker = self._workers.pop(key)
        if worker.control is not None:
            for event in worker.receive() or ():  # its last events may still be in the socket
                worker.exit_reason = event.get("reason") or worker.exit_reason
            self._loop.forget(worker.control)
        self._loop.drop(key)
        return worker, worker.clean_up()

    def _report_lost(self, generation: Key, lost: list[Ended]) -> None:
        for worker, reason in lost:
            lived = self._loop.clock.now() - worker.started
            described = f"worker {worker.index}: {reason}"
            if worker.counts:
                if worker.phase in ("draining", "stopping"):
                    self._reasons.setdefault(generation, []).append((worker, reason))
                self._enqueue(generation[0], WorkerLost(generation[1], described, worker.program.workers, lived))
                continue
            self._log("{} {}: {}".format(*generation, described))
            for other in worker_group.of(self._workers, generation):
                if other.index == worker.replaces:  # what should have replaced it did not start
                    other.successor = None

    def _report_end(self, generation: Key, lost: list[Ended]) -> None:
        service, number = generation
        self._loop.drop(generation)
        folder = lost[0][0].record.parent
        shared_folder.discard(folder, service, number)
        is_last = not any(name == service for name, _, _ in self._workers)
        kept_requests.discard(folder, service, number, all_of_them=is_last)
        self._enqueue(service, Died(number, _describe([*self._reasons.pop(generation, []), *lost])))


def _describe(ended: list[Ended]) -> str:
    """Describe how the workers of a generation have ended: once, if all have ended alike."""
    reasons = {reason for _, reason in ended}
    if len(reasons) == 1:
        return reasons.pop()
    return "; ".join(f"worker {worker.index}: {reason}" for worker, reason in ended)
