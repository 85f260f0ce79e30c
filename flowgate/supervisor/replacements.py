"""Workers that are started beside others of their generation: in place of one that has ended, or has grown too large.

Nothing of this happens in a generation of one worker: there a new generation takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowgate.domain import Program
from flowgate.supervisor import worker_group
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import Key, WorkerKey
from flowgate.supervisor.worker_process import WorkerProcess


class Replacements:
    """Starts workers of a generation that serves, and drains those that they replace."""

    def __init__(
        self,
        loop: Loop,
        log: Callable[[str], None],
        workers: Mapping[WorkerKey, WorkerProcess],
        start: Callable[[WorkerKey, Program], bool],
    ) -> None:
        """Create it.

        Args:
            loop: The supervisor's event loop.
            log: Writes a line into the supervisor's log.
            workers: All processes.
            start: Starts a process, or queues it.
        """
        self._loop, self._log, self._workers, self._start = loop, log, workers, start
        self._highest: dict[Key, int] = {}
        self._begun: dict[WorkerKey, int | None] = {}

    def note(self, worker: WorkerProcess) -> None:
        """Note a process that was started or adopted: an index is not used twice in a generation."""
        key = worker.key[:2]
        self._highest = {one: index for one, index in self._highest.items() if one == key or one in self._living()}
        self._highest[key] = max(worker.index, self._highest.get(key, 0))
        worker.joins, worker.replaces = worker.key in self._begun, self._begun.pop(worker.key, None)
        if worker_group.wanted(worker.program) > 1:
            self._loop.after(worker.program.ready_timeout, lambda: self._check_start(worker), about=worker.key)

    def _living(self) -> set[Key]:
        return {(service, number) for service, number, _ in self._workers}

    def start(self, key: Key, program: Program, replaces: int | None = None) -> int:
        """Start one more worker of a generation; return its index.

        Args:
            key: The generation.
            program: Its program.
            replaces: Index of the worker that drains when this one serves; None if that one has ended.
        """
        index = self._highest.get(key, 0) + 1
        self._highest[key] = index
        self._begun[*key, index] = replaces
        self._start((*key, index), program)
        return index

    def renew(self, worker: WorkerProcess) -> bool:
        """Start a fresh worker that replaces this one; one after another, so that only one more runs.

        Returns:
            Whether it was started.
        """
        group = worker_group.of(self._workers, worker.key[:2])
        if any(one.successor is not None for one in group) or worker.phase != "serving":
            return False
        worker.successor = self.start(worker.key[:2], worker.program, worker.index)
        return True

    def is_ready(self, worker: WorkerProcess) -> bool:
        """Return whether a generation is ready, now that this worker is; one that joins it later is told to serve.

        That does not depend on the others: all of them may have ended meanwhile.
        """
        if worker.joins:
            worker.send({"do": "open"})
            return False
        group = worker_group.of(self._workers, worker.key[:2])
        return sum(one.phase == "ready" for one in group) >= worker_group.wanted(worker.program)

    def is_open(self, worker: WorkerProcess) -> bool:
        """Return whether a generation serves, now that this worker does; what it replaces drains."""
        group = worker_group.of(self._workers, worker.key[:2])
        for one in group:
            if worker.replaces == one.index and one.phase == "serving":
                self.retire(one)
        worker.replaces = None
        return sum(one.phase == "serving" for one in group) >= worker_group.wanted(worker.program)

    def retire(self, worker: WorkerProcess) -> None:
        """Let a worker drain that another one has replaced.

        Args:
            worker: The worker.
        """
        program = worker.program
        worker.is_retired = True
        self._log("{} {}: worker {} drains; another one has replaced it".format(*worker.key))
        worker.drain(self._loop.clock.now(), program.drain_timeout)

        def cut() -> None:
            worker.send({"do": "cut"})
            self._loop.after(program.stop_grace, worker.kill, about=worker.key)

        self._loop.after(program.drain_timeout, cut, about=worker.key)

    def _check_start(self, worker: WorkerProcess) -> None:
        """End a worker that is not ready in time; a whole generation that is not is the state machine's business."""
        if worker.phase == "starting" and worker.joins:
            worker.exit_reason = f"not ready within {worker.program.ready_timeout:g} s"
            worker.kill()
