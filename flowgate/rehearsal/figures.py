"""What a version of LiteLLM costs: the time of its start, its memory, and processor time for each request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from flowgate.errors import CheckFailed
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.private_stack import PrivateStack, ScenarioStack
from flowgate.rehearsal.scenarios import SCENARIOS
from flowgate.step import StepContext
from flowgate.system import processes, tempdirs

FIRST_REQUESTS = 10  # they include work that LiteLLM does once
REQUESTS = 60
TIMEOUT_SECONDS = 30.0


class Figures(TypedDict):
    """What a version of LiteLLM costs on this machine.

    Attributes:
        start_seconds: From no process to ready, the import included, with its files in memory; CLIProxyAPIPlus starts
            meanwhile.
        memory_bytes: Resident memory of the process that served the requests.
        cpu_seconds: Processor time for one request.
    """

    start_seconds: float
    memory_bytes: int
    cpu_seconds: float


def measure(
    context: StepContext, plan: Plan, open_stack: Callable[[StepContext, Plan, Path], PrivateStack] = PrivateStack
) -> Figures:
    """Start the private copy of a profile twice, send the second one requests, and measure it.

    The first start reads the files of a new environment from the disk and lets LiteLLM write its caches. Without it, a
    new version would look slower than one that has been running.

    Args:
        context: Tools of this run; its environment of LiteLLM is measured.
        plan: The plan of the profile.
        open_stack: Makes a private stack that runs nothing yet.

    Raises:
        CheckFailed: A request failed.
    """
    with _started(context, plan, open_stack):
        pass
    with _started(context, plan, open_stack) as (running, seconds):
        _send(context, plan, running, FIRST_REQUESTS)
        before = processes.cpu_seconds(running.pid) or 0.0
        _send(context, plan, running, REQUESTS)
        used = (processes.cpu_seconds(running.pid) or before) - before
        memory = processes.memory(running.pid) or 0
    return {"start_seconds": round(seconds, 2), "memory_bytes": memory, "cpu_seconds": round(used / REQUESTS, 5)}


@contextmanager
def _started(
    context: StepContext, plan: Plan, open_stack: Callable[[StepContext, Plan, Path], PrivateStack]
) -> Iterator[tuple[ScenarioStack, float]]:
    """Start a private copy, and yield it with the seconds that the start took; end all of it afterwards."""
    healthy = SCENARIOS["healthy"]
    with tempdirs.folder(tempdirs.REHEARSAL) as folder:
        stack = open_stack(context, plan, folder)
        try:
            stack.open([healthy])
            began = context.clock.now()
            with stack.scenario(healthy) as running:
                yield running, context.clock.now() - began
        finally:
            stack.close()


def _send(context: StepContext, plan: Plan, running: ScenarioStack, count: int) -> None:
    body = {"model": plan.roles.requested, "max_tokens": 20, "messages": [{"role": "user", "content": "measure"}]}
    for _ in range(count):
        url = f"{running.url}/v1/chat/completions"
        response = context.http.post(url, body, headers=running.headers, timeout=TIMEOUT_SECONDS)
        if not response.ok:
            raise CheckFailed(f"a request of the measurement failed: {response.status} {response.text[:200]}")
