"""The event loop of a worker: asyncio's, or uvloop where the config wants it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

from flowgate.domain import Program
from flowgate.supervisor import worker_loop
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until
from tests.unit.supervisor.test_handover import hand_over
from tests.unit.supervisor.test_workers import all_serve, answer, pids

App = Callable[..., Program]


async def is_uvloop() -> int:
    return int(type(asyncio.get_running_loop()).__module__.startswith("uvloop"))


@pytest.mark.parametrize("chosen", ["", "asyncio", "uvloop"])
def test_a_worker_runs_on_the_loop_of_the_config(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    pytest.importorskip("uvloop")
    monkeypatch.setenv(worker_loop.VARIABLE, chosen)
    assert worker_loop.run(is_uvloop()) == (chosen == "uvloop")


def test_without_uvloop_the_loop_of_asyncio_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.setenv(worker_loop.VARIABLE, "uvloop")
    assert worker_loop.run(is_uvloop()) == 0
    assert "uvloop is not installed" in caplog.text


def test_workers_on_uvloop_hand_over(supervisor: SupervisorClient, app: App) -> None:
    pytest.importorskip("uvloop")
    env = {worker_loop.VARIABLE: "uvloop"}
    for name in ("one", "two"):
        program = app(name, workers=2, env=env)
        hand_over(supervisor, program)
    until(lambda: all_serve(supervisor, 2))
    assert answer(program, pids(supervisor))
