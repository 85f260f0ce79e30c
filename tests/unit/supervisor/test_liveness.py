"""Liveness with a clock of its own: what was paused together is not taken for hung."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.liveness import HUNG_SECONDS, SILENT_SECONDS, Liveness, silence
from flowgate.supervisor.service_state import Generation, ServiceState
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import processes
from flowgate.system.clock import Clock


class Round:
    """A supervisor with one worker that never answers, and a clock."""

    def __init__(self, folder: Path, program: Program, pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        supervisor = Supervisor(folder, Journal(folder / "log", folder / "events"), Clock(now=lambda: self.now))
        self.supervisor = supervisor
        identity = processes.identify(pid)
        assert identity
        self.worker = WorkerProcess(program, 1, identity, self.now, ("127.0.0.1", 1), folder / "own-1.json")
        self.worker.asked_at = self.now
        self.worker.asked_cpu = processes.cpu_seconds(processes.own_pid()) or 0.0  # it uses none from now on
        supervisor.workers["own", 1, 1] = self.worker
        supervisor.states["own"] = ServiceState("own", False, generations=(Generation(1, "serving"),), wanted=True)
        monkeypatch.setattr(WorkerProcess, "kill", lambda worker: setattr(worker, "killed", True))
        self.liveness = Liveness(supervisor)

    def check(self, seconds: float, every: float = 1.0) -> bool:
        """Let time pass with a round every second; return whether the worker was killed."""
        for _ in range(int(seconds / every)):
            self.now += every
            self.liveness.check()
        return self.worker.killed


@pytest.fixture
def round_(tmp_path: Path, program: Callable[..., Program], waiting: int, monkeypatch: pytest.MonkeyPatch) -> Round:
    return Round(tmp_path, program(), waiting, monkeypatch)


def test_a_worker_that_does_not_answer_is_killed_after_30_s(round_: Round) -> None:
    assert not round_.check(HUNG_SECONDS - 1)
    assert round_.check(1)


def test_a_pause_of_the_whole_machine_kills_nobody(round_: Round) -> None:
    assert not round_.check(3600, every=3600)
    assert not round_.check(HUNG_SECONDS - 1)
    assert round_.check(1)


def test_a_status_right_after_a_pause_reports_no_silence(round_: Round) -> None:
    round_.now += 3600
    assert silence(round_.worker, round_.supervisor) == ""
    round_.check(1)
    assert silence(round_.worker, round_.supervisor) == ""
    round_.check(SILENT_SECONDS)
    assert silence(round_.worker, round_.supervisor) == "has not answered for 5 s"
