"""The workers of one generation as a group."""

from __future__ import annotations

from collections.abc import Mapping

from flowgate.domain import Program
from flowgate.supervisor.fork_pool import Key, WorkerKey
from flowgate.supervisor.worker_process import WorkerProcess


def wanted(program: Program) -> int:
    """Return how many processes a generation of a program has; one that binds its own port has one."""
    return max(1, program.workers) if program.app is not None else 1


def of(workers: Mapping[WorkerKey, WorkerProcess], key: Key) -> list[WorkerProcess]:
    """Return the processes of a generation, in the order of their start.

    Args:
        workers: All processes.
        key: The generation.
    """
    return [worker for (service, number, _), worker in sorted(workers.items()) if (service, number) == key]


def suffix(worker: WorkerProcess) -> str:
    """Return which of several workers a process is, as the end of a line of the log; empty if it is the only one."""
    return f" (worker {worker.index})" if wanted(worker.program) > 1 else ""
