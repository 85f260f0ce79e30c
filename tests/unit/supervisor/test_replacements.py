"""Workers that join a generation that serves: whether they are told to serve depends on no other worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import WorkerKey
from flowgate.supervisor.replacements import Replacements
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system.clock import Clock
from flowgate.system.processes import Identity

COUNT = 3


class Group:
    """The workers of one generation, without processes: what is sent to them stays in `unsent`."""

    def __init__(self, program: Program) -> None:
        self.program, self.workers = program, dict[WorkerKey, WorkerProcess]()
        self.replacements = Replacements(Loop(Clock()), lambda _: None, self.workers, self.add)
        for index in range(1, COUNT + 1):
            self.add(("app", 1, index), program)

    def add(self, key: WorkerKey, program: Program) -> bool:
        worker = WorkerProcess(program, key[1], Identity(key[2], 1), 0.0, ("127.0.0.1", 1), Path("record"))
        worker.index = key[2]
        self.workers[key] = worker
        self.replacements.note(worker)
        return True

    def get_ready(self, index: int) -> tuple[bool, bool]:
        """Let a worker be ready; return whether its generation is, and whether it was told to serve."""
        worker = self.workers["app", 1, index]
        worker.phase = "ready"
        return self.replacements.is_ready(worker), b"open" in worker.unsent


@pytest.fixture
def group(app: Callable[..., Program]) -> Group:
    return Group(app(workers=COUNT))


def test_a_generation_is_ready_when_its_last_worker_is(group: Group) -> None:
    assert [group.get_ready(index) for index in (1, 2, 3)] == [(False, False), (False, False), (True, False)]


@pytest.mark.parametrize("alive", [0, 1, 2])
def test_those_that_join_serve_however_many_are_left(group: Group, alive: int) -> None:
    for key, worker in list(group.workers.items()):
        worker.phase = "serving"
        if key[2] > alive:
            del group.workers[key]
    joined = [group.replacements.start(("app", 1), group.program) for _ in range(COUNT - alive)]
    assert [group.get_ready(index) for index in joined] == [(False, True)] * len(joined)
