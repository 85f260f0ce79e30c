"""Several workers beside one, and beside bare LiteLLM: throughput, processor time, memory, and what a killed one costs.

The provider is a compiled program and the clients are `wrk`: both use little of the cores that they share with the
gateway, and the same on both sides. The runs alternate; each figure is a median. Quiet cores are needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flowgate.supervisor import worker_loop
from flowgate.supervisor.client import SupervisorClient
from tests.bench.crowd import Crowd
from tests.bench.gateway import KEYS
from tests.bench.load import Load
from tests.bench.measure import BIN, Group, Row, alternate
from tests.bench.worker_gateway import PIECES, Gateway, bare, flowgate, missing_tools, provider, worker_pids

NAMES = (
    *("workers_requests", "workers_pieces", "workers_bare_requests", "workers_bare_pieces"),
    *("workers_cpu_request", "workers_cpu_piece", "workers_memory"),
    *("workers_loop_request", "workers_loop_piece"),
    *("workers_kill", "workers_kill_lost", "workers_switch", "workers_switch_four", "workers_switch_failed"),
    *("workers_crowd", "workers_crowd_cooldowns"),
)
SECONDS = 6.0
CLIENTS = 24
WARM_REQUESTS = 500
CROWD, CROWD_SECONDS = 1000, 60.0
KILLS = 5
PROFILES = ("cost", "reliability", "balanced")


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the wanted rows; none where a program is missing."""
    if missing := missing_tools():
        print(f"- workers: skipped, since {' and '.join(missing)} cannot be found")
        return
    with tempfile.TemporaryDirectory() as name, provider(Path(name)) as port:
        folder = Path(name)
        if any(one in wanted for one in NAMES[:6]):
            yield from _throughput(pairs, folder, port, wanted)
        if any(one.startswith("workers_loop") for one in wanted):
            yield from _loops(pairs, folder, port, wanted)
        if "workers_memory" in wanted:
            yield _memory(folder, port)
        if any(one.startswith("workers_kill") for one in wanted):
            yield from _killed(folder, port, wanted)
        if any(one.startswith("workers_switch") for one in wanted):
            yield from _switched(pairs, folder, port, wanted)
        if any(one.startswith("workers_crowd") for one in wanted):
            yield from _crowd(folder, port, wanted)


WORKERS = Group(NAMES, run)


def _throughput(pairs: int, folder: Path, port: int, wanted: Collection[str]) -> Iterator[Row]:
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(flowgate(folder / "one", port, 1))
        two = stack.enter_context(flowgate(folder / "two", port, 2))
        plain = stack.enter_context(bare(folder / "plain", one, 1))
        plain_two = stack.enter_context(bare(folder / "plain-two", one, 2))
        for found in (one, two, plain, plain_two):
            found.wrk(3, 8)
            found.wrk(2, 8, stream=True)
        whole = alternate(pairs, *(_milliseconds(side, stream=False) for side in (two, one, plain_two)))
        parts = alternate(pairs, *(_milliseconds(side, stream=True) for side in (two, one, plain_two)))
        cpu = alternate(pairs, *(_cpu(side, stream=kind) for kind in (False, True) for side in (one, plain)))
    rows = [
        Row("workers_requests", "time per request, 2 workers beside 1", whole[0], whole[1], 0.625, "ms"),
        Row("workers_pieces", "time per stream piece, 2 workers beside 1", parts[0], parts[1], 0.625, "ms"),
        Row(
            "workers_bare_requests", "time per request, beside `litellm --num_workers 2`", whole[0], whole[2], 1.0, "ms"
        ),
        Row("workers_bare_pieces", "time per piece, beside `litellm --num_workers 2`", parts[0], parts[2], 1.0, "ms"),
        Row("workers_cpu_request", "processor time per request, beside `litellm`", cpu[0], cpu[1], 1.0, "ms"),
        Row("workers_cpu_piece", "processor time per stream piece, beside `litellm`", cpu[2], cpu[3], 1.0, "ms"),
    ]
    yield from (row for row in rows if row.name in wanted)


def _milliseconds(gateway: Gateway, *, stream: bool) -> Callable[[], float]:
    def measure() -> float:
        return 1000.0 / gateway.wrk(SECONDS, CLIENTS, stream=stream).per_second / (PIECES if stream else 1)

    return measure


def _cpu(gateway: Gateway, *, stream: bool) -> Callable[[], float]:
    def measure() -> float:
        before = gateway.cpu_seconds()
        count = gateway.wrk(SECONDS, CLIENTS, stream=stream).count
        return 1000.0 * (gateway.cpu_seconds() - before) / count / (PIECES if stream else 1)

    return measure


def _loops(pairs: int, folder: Path, port: int, wanted: Collection[str]) -> Iterator[Row]:
    """Compare the event loops: both sides are asked at the same time, so that they share what else the machine does."""
    with contextlib.ExitStack() as stack:
        envs = {one: {worker_loop.VARIABLE: one} for one in ("uvloop", "asyncio")}
        sides = [stack.enter_context(flowgate(folder / name, port, 1, env=env)) for name, env in envs.items()]
        for name, stream in (("workers_loop_request", False), ("workers_loop_piece", True)):
            if name in wanted:
                runs = [_together(sides, stream=stream) for _ in range(pairs + 1)]
                yield _loop_row(name, runs[1:])  # the first run warms up


def _together(sides: Collection[Gateway], *, stream: bool) -> list[float]:
    """Return the processor time of each side, asked at the same time."""
    with ThreadPoolExecutor(len(sides)) as pool:
        return [one.result() for one in [pool.submit(_cpu(side, stream=stream)) for side in sides]]


def _loop_row(name: str, runs: list[list[float]]) -> Row:
    kind = "request" if name.endswith("request") else "stream piece"
    ratios = sorted(one / other for one, other in runs)
    spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-1 - len(ratios) // 4]:.2f}"
    other = statistics.median(other for _, other in runs)
    what = f"processor time per {kind} on uvloop, beside asyncio's loop ({spread})"
    return Row(name, what, other * statistics.median(ratios), other, 1.1, "ms")


def _memory(folder: Path, port: int) -> Row:
    found = []
    for workers in (4, 1):
        with flowgate(folder / f"memory-{workers}", port, workers) as gateway:
            served = 0
            while served < WARM_REQUESTS * workers:
                served += gateway.wrk(3, CLIENTS).count
            found.append(gateway.memory() / 1e6)
    what = f"memory (PSS) of 4 workers beside 1, after {WARM_REQUESTS} requests each"
    return Row("workers_memory", what, found[0], found[1], 1.8, "MB")


def _killed(folder: Path, port: int, wanted: Collection[str]) -> Iterator[Row]:
    with flowgate(folder / "killed", port, 2) as gateway:
        supervisor = SupervisorClient(gateway.folder / "runtime", gateway.folder / "supervisor.log")
        load = Load(gateway.port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
        took = []
        with load.running():
            for _ in range(KILLS):
                time.sleep(2.0)
                took.append(_kill_one(supervisor, gateway.folder / "runtime" / "run"))
        supervisor.close()
    lost = float(sum(bool(one.failure) for one in load.requests))
    rows = [
        Row("workers_kill", "until a killed worker of 2 is back, under load", sorted(took)[KILLS // 2], None, 0.3),
        Row("workers_kill_lost", f"lost of {len(load.requests)} requests in {KILLS} kills", lost, None, CLIENTS, ""),
    ]
    yield from (row for row in rows if row.name in wanted)


def _kill_one(supervisor: SupervisorClient, folder: Path) -> float:
    """Kill a worker; return the seconds until another one serves in its place."""
    known = set(folder.glob("*.sock"))
    began = time.perf_counter()
    os.kill(min(worker_pids(supervisor)), signal.SIGKILL)
    while not any(_serves(one) for one in set(folder.glob("*.sock")) - known):
        time.sleep(0.005)
    return time.perf_counter() - began


def _serves(path: Path) -> bool:
    """Ask a worker itself: `status` takes the supervisor time that it needs for the new worker."""
    with socket.socket(socket.AF_UNIX) as control, contextlib.suppress(OSError):
        control.settimeout(1.0)
        control.connect(str(path))
        return b'"serving"' in control.recv(4096)
    return False


def _switched(pairs: int, folder: Path, port: int, wanted: Collection[str]) -> Iterator[Row]:
    counts = (1, 2, *([4] if "workers_switch_four" in wanted else []))
    with contextlib.ExitStack() as stack:
        sides = [stack.enter_context(flowgate(folder / f"switch-{count}", port, count)) for count in counts]
        loads = [Load(one.port, KEYS["LITELLM_MASTER_KEY"], CLIENTS) for one in sides]
        took = dict(
            zip(counts, alternate(pairs, *(_switch(*side) for side in zip(sides, loads, strict=True))), strict=True)
        )
    failed = float(sum(bool(request.failure) for load in loads for request in load.requests))
    count = sum(len(load.requests) for load in loads)
    if "workers_switch" in wanted:
        yield Row("workers_switch", "`inv profile.set` with 2 workers beside 1, under load", took[2], took[1], 1.5)
    if 4 in took:
        yield Row("workers_switch_four", "`inv profile.set` with 4 workers beside 1, under load", took[4], took[1], 2.5)
    if "workers_switch_failed" in wanted:
        what = f"failed of {count} requests in {len(counts) * pairs} switches"
        yield Row("workers_switch_failed", what, failed, None, 0.0, "")


def _switch(gateway: Gateway, load: Load) -> Callable[[], float]:
    turn = iter(range(10_000))

    def measure() -> float:
        load.stopped.clear()
        with load.running():
            time.sleep(1.5)
            began = time.perf_counter()
            argv = [str(BIN / "inv"), "profile.set", PROFILES[next(turn) % len(PROFILES)]]
            subprocess.run(argv, env=gateway.env, check=True, capture_output=True)
            took = time.perf_counter() - began
            time.sleep(1.5)
        return took

    return measure


def _crowd(folder: Path, port: int, wanted: Collection[str]) -> Iterator[Row]:
    with flowgate(folder / "crowd", port, 2) as gateway:
        gateway.wrk(3, 8)
        crowd = Crowd(gateway.port, KEYS["LITELLM_MASTER_KEY"], CROWD)
        asyncio.run(_two_switches(gateway, crowd))
        argv = [str(BIN / "inv"), "cooldowns"]
        text = subprocess.run(argv, env=gateway.env, check=True, capture_output=True, text=True).stdout
    ended = ", ".join(f"{count} {name}" for name, count in crowd.ended.most_common())
    cold = float(len(re.findall(r"^router-", text, re.MULTILINE)))
    rows = [
        Row(
            "workers_crowd", f"neither answer nor 503 for {CROWD} clients ({ended})", float(crowd.wrong), None, 0.0, ""
        ),
        Row("workers_crowd_cooldowns", "models in cooldown after that", cold, None, 0.0, ""),
    ]
    yield from (row for row in rows if row.name in wanted)


async def _two_switches(gateway: Gateway, crowd: Crowd) -> None:
    asking = asyncio.create_task(crowd.run(CROWD_SECONDS))
    for profile in PROFILES[:2]:
        await asyncio.sleep(CROWD_SECONDS / 3)
        argv = [str(BIN / "inv"), "profile.set", profile]
        process = await asyncio.create_subprocess_exec(*argv, env=gateway.env, stdout=-3, stderr=-3)
        assert await process.wait() == 0
    await asking
