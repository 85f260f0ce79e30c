"""What a version costs: both versions are started alike, so that the figures can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.errors import CheckFailed
from flowgate.rehearsal.figures import Figures, measure
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.private_stack import ScenarioStack
from flowgate.rehearsal.scenarios import Scenario
from flowgate.system.clock import Clock
from tests.conftest import free_port
from tests.unit.steps.conftest import Stage, from_table, serving

COLD, WARM = 15.8, 7.4  # seconds of the first start and of each one after it


@dataclass
class Machine:
    """Stacks that start at once, and a clock that says how long a start took."""

    port: int
    seconds: float = 0.0
    folders: list[Path] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def stack(self, context: Any, plan: Any, folder: Path) -> Any:
        self.folders.append(folder)
        return self

    def open(self, scenarios: list[Scenario]) -> None:
        self.log.append("open")

    def close(self) -> None:
        self.log.append("close")

    @contextmanager
    def scenario(self, scenario: Scenario) -> Iterator[ScenarioStack]:
        self.seconds += COLD if "start" not in self.log else WARM
        self.log.append("start")
        vendors: Any = None
        yield ScenarioStack(scenario, f"http://127.0.0.1:{self.port}", {}, vendors, None, os.getpid())


@pytest.fixture
def machine() -> Machine:
    return Machine(free_port())


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def run(stage: Stage, machine: Machine, path: str = "/v1/chat/completions") -> Figures:
    context = replace(stage.context(), clock=Clock(now=lambda: machine.seconds))
    plan = make_plan(context, "balanced", litellm_only=True, as_written=False)
    with serving(from_table({path: "{}"}), machine.port):
        return measure(context, plan, machine.stack)


def test_the_first_start_of_a_new_environment_is_not_the_one_that_is_measured(stage: Stage, machine: Machine) -> None:
    assert run(stage, machine)["start_seconds"] == WARM
    assert machine.log == ["open", "start", "close"] * 2


def test_each_start_begins_with_no_process_and_in_a_folder_of_its_own(stage: Stage, machine: Machine) -> None:
    run(stage, machine)
    assert len(set(machine.folders)) == 2
    assert not any(one.exists() for one in machine.folders)


def test_memory_and_processor_time_are_those_of_the_process_that_served(stage: Stage, machine: Machine) -> None:
    found = run(stage, machine)
    assert found["memory_bytes"] > 1_000_000
    assert found["cpu_seconds"] >= 0


def test_a_failed_request_ends_what_was_started(stage: Stage, machine: Machine) -> None:
    with pytest.raises(CheckFailed, match="a request of the measurement failed: 404"):
        run(stage, machine, path="/elsewhere")
    assert machine.log[-1] == "close"
    assert not any(one.exists() for one in machine.folders)
