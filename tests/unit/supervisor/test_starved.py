"""A silent worker on a busy machine: one that works is given time, one that is stuck is not."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.supervisor.liveness import Liveness
from flowgate.system import processes
from flowgate.system.clock import Clock
from flowgate.system.processes import Identity

HUNG = 30.0


@pytest.mark.parametrize(
    ("used", "silent", "starved"),
    [(10.0, 31.0, True), (0.1, 31.0, False), (31.0, 31.0, False), (10.0, 121.0, False)],
    ids=["it works, and gets little time", "it waits", "it works in vain", "it has had time enough"],
)
def test_a_worker_that_gets_too_little_processor_time_is_not_hung(
    waiting: int, used: float, silent: float, starved: bool
) -> None:
    supervisor: Any = SimpleNamespace(clock=Clock())
    worker: Any = SimpleNamespace(
        identity=Identity(waiting, 0), asked_cpu=(processes.cpu_seconds(waiting) or 0.0) - used
    )
    assert Liveness(supervisor, HUNG)._is_starved(worker, silent) is starved


def test_one_that_waits_for_a_core_has_done_nothing_and_is_not_hung() -> None:
    supervisor: Any = SimpleNamespace(clock=Clock())
    own: Any = SimpleNamespace(identity=Identity(os.getpid(), 0), asked_cpu=processes.cpu_seconds(os.getpid()) or 0.0)
    assert Liveness(supervisor, HUNG)._is_starved(own, HUNG + 1)  # this test runs just now
