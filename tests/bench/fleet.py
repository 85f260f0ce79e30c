"""Three gateways that share a Redis server: how fast a cooldown spreads, and how often they ask a dead model together.

The gateways are those of a rehearsal, with unscaled times: the real LiteLLM in front of fake vendors.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from flowgate.config.loader import read
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Sourced
from flowgate.rehearsal.plan import REDIS_PROGRAMS, Plan, make_plan
from flowgate.rehearsal.private_stack import PrivateStack, ScenarioStack
from flowgate.rehearsal.roles import PRIMARY
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.supervisor.client import SupervisorClient
from flowgate.system.clock import Clock
from flowgate.system.http import Http
from tests.bench.measure import Group, Row

GATEWAYS, COOLDOWN_SECONDS = 3, 6
NAMES = ("fleet_cooldown", "fleet_cooldown_median", "fleet_attempts_first", "fleet_attempts_later")
SCENARIO = SCENARIOS["500"]
SPREAD_SECONDS = 1.5  # wanted: until all gateways know of a cooldown
PATIENCE_SECONDS = 20.0
PROFILE: dict[str, Any] = {
    "redis_host": "127.0.0.1",
    "redis_port": 6379,  # replaced by a private one
    "num_retries": 1,
    "allowed_fails": 1,
    "cooldown_time": COOLDOWN_SECONDS,
    "timeout": 20,
    "fallbacks": [{"big": ["small"]}],
}


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the wanted rows; none without a Redis server."""
    if not any(map(shutil.which, REDIS_PROGRAMS)):
        print(f"- fleet: skipped, since {' and '.join(REDIS_PROGRAMS)} cannot be found")
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, _gateways(Path(name)) as (plan, running, fleet):
        for url in running.urls * 3:
            _ask(running, url)
        if any(one.startswith("fleet_cooldown") for one in wanted):
            rows += _spread(max(pairs, 3), running, fleet)
        if any(one.startswith("fleet_attempts") for one in wanted):
            rows += _attempts(max(pairs, 3), plan, running, fleet)
    yield from (row for row in rows if row.name in wanted)


FLEET = Group(NAMES, run)


class Fleet:
    """What the gateways know of cooldowns."""

    def __init__(self, runtime: Path) -> None:
        numbers = ["", *(f"-{number}" for number in range(2, GATEWAYS + 1))]
        self._services = [f"litellm-{SCENARIO.name}{number}" for number in numbers]
        self._supervisors = [SupervisorClient(runtime, runtime / "supervisor.log") for _ in numbers]

    def knows(self, number: int) -> bool:
        """Return whether a gateway has a cooldown."""
        return bool(self._supervisors[number].query(self._services[number], "cooldowns"))

    def first_known(self, number: int) -> float:
        """Wait until a gateway has a cooldown, and return when that was."""
        _wait(lambda: self.knows(number), PATIENCE_SECONDS)
        return time.monotonic()

    def wait_for_none(self) -> None:
        """Wait until all cooldowns are over."""
        _wait(lambda: not any(map(self.knows, range(GATEWAYS))), PATIENCE_SECONDS)


@contextlib.contextmanager
def _gateways(folder: Path) -> Iterator[tuple[Plan, ScenarioStack, Fleet]]:
    names = ("big", "small")
    entries = [_deployment(name) for name in names]
    tree = {
        "paths": {"runtime_dir": str(folder / "runtime")},
        "services": {"litellm": {"command": {"args": [str(folder / "runtime" / "bin" / "litellm")]}}},
        "litellm_base": {"model_list": entries},
        "profiles": {"fleet": {"router_settings": PROFILE}},
    }
    config = read(yaml.safe_dump(tree), folder / "flowgate.yaml")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    supervisor = SupervisorClient(config.paths.runtime_dir, config.paths.log_file)
    state = RunState(Sourced("fleet", "typed"))
    context = StepContext(config, state, supervisor, Http(), Clock(), Files(acting=True), environment, print)
    plan = replace(make_plan(context, "fleet", litellm_only=False, as_written=False, gateways=GATEWAYS), scale=1.0)
    private = folder / "private"
    stack = PrivateStack(context, plan, private)
    try:
        stack.open([SCENARIO])
        with stack.scenario(SCENARIO) as running:
            yield plan, running, Fleet(private / "runtime")
    finally:
        stack.close()


def _deployment(name: str) -> dict[str, Any]:
    params = {"model": f"openai/{name}", "api_base": "https://vendor.example/v1", "api_key": "os.environ/VENDOR_KEY"}
    return {"model_name": name, "litellm_params": params}


def _ask(running: ScenarioStack, url: str) -> None:
    body = {"model": "big", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
    found = Http().post(f"{url}/v1/chat/completions", body, headers=running.headers, timeout=PATIENCE_SECONDS)
    if not found.ok:
        raise RuntimeError(f"a gateway did not answer: {found.status} {found.text[:200]}")


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it took longer than {seconds:g} s")
        time.sleep(0.01)


def _spread(rounds: int, running: ScenarioStack, fleet: Fleet) -> Iterator[Row]:
    """Let one gateway after another start a cooldown, while all of them are asked for theirs without a pause."""
    found: list[float] = []
    for number in range(rounds):
        first = number % GATEWAYS
        with ThreadPoolExecutor(GATEWAYS) as pool:
            known = [pool.submit(fleet.first_known, one) for one in range(GATEWAYS)]
            time.sleep(number / rounds)  # the others have read the cooldowns some time ago
            running.start_fault()
            for _ in range(2):  # the second failed request starts the cooldown
                _ask(running, running.urls[first])
            running.vendors.clear_faults(SCENARIO)
            at = [one.result() for one in known]
        found += [max(0.0, one - at[first]) for number, one in enumerate(at) if number != first]
        fleet.wait_for_none()
    what = f"until {GATEWAYS - 1} other gateways know of a cooldown"
    yield Row("fleet_cooldown", f"{what}, worst of {len(found)}", max(found), None, SPREAD_SECONDS)
    yield Row("fleet_cooldown_median", f"{what}, median", statistics.median(found), None, SPREAD_SECONDS)


def _attempts(cooldowns: int, plan: Plan, running: ScenarioStack, fleet: Fleet) -> Iterator[Row]:
    """Ask the gateways in turn while the model is dead, for several cooldowns."""
    fleet.wait_for_none()
    running.start_fault()
    began, count = time.time(), 0
    while time.time() < began + cooldowns * COOLDOWN_SECONDS:
        _ask(running, running.urls[count % GATEWAYS])
        count += 1
    running.vendors.clear_faults(SCENARIO)
    times = [one.at for one in running.attempts(began) if one.role == PRIMARY]
    alone = replace(plan.promises, workers=1, shares_cooldowns=False).attempts_until_cooldown(1 + 1)
    early = [at for at in times if at <= times[0] + 1.0]
    later = _bursts([at for at in times if at > times[0] + 1.0])
    what = f"attempts on a dead model, {GATEWAYS} gateways asked in turn ({count} requests)"
    yield Row("fleet_attempts_first", f"{what}: first second", len(early), None, alone + GATEWAYS - 1, "")
    most = max(map(len, later), default=0)
    yield Row("fleet_attempts_later", f"{what}: most in a later cooldown", most, None, alone, "")


def _bursts(times: Sequence[float]) -> list[list[float]]:
    """Group times that are less than half a cooldown apart."""
    found: list[list[float]] = []
    for at in times:
        if not found or at > found[-1][-1] + COOLDOWN_SECONDS / 2:
            found.append([])
        found[-1].append(at)
    return found
