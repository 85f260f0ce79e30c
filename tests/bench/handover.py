"""Profile switches under load, compared with the alternative: stop LiteLLM, then start it again."""

from __future__ import annotations

import json
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowgate.gateway.litellm import FIXED_ENV
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.bench.gateway import KEYS, READY_SECONDS, is_ready, write_config
from tests.bench.load import ClientRequest, Load, latencies, percentile
from tests.bench.measure import BIN, Group, Row, environment
from tests.bench.picture import Span, draw

NAMES = (
    *("handover_failed", "handover_cut", "handover_refused", "handover_unswitched"),
    *("handover_command", "handover_tasks", "handover_times_faster", "handover_p99", "handover_gone"),
    "handover_memory",
)
CLIENTS = 24
PAUSE_SECONDS = 8.0  # between two switches: at 20 switches more than three minutes
AFTER_SECONDS = 2.0  # a request belongs to a switch that overlaps it, or that ended so shortly before
GONE_SECONDS = 2.0
PROFILES = ("cost", "reliability", "balanced")


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure `pairs` switches under load (20 for the full numbers), and one stop-and-start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(write_config(folder, ports)), **KEYS)
        inv = str(BIN / "inv")
        subprocess.run([inv, "up"], env=env, check=True, capture_output=True)
        try:
            found = _switches(pairs, ports[0], env, folder)
            stopped = _stop_and_start(ports[0], env, folder)
        finally:
            subprocess.run([inv, "down"], env=env, check=False, capture_output=True)
    yield from (row for row in _rows(found, stopped) if row.name in wanted)


@dataclass(frozen=True, slots=True)
class Switched:
    """What was measured while profiles were switched.

    Attributes:
        requests: All requests of the clients.
        commands: Seconds that each command took.
        tasks: Seconds that the tasks of each command took, up to the promotion.
        spans: When each switch began and ended.
        gone: Seconds from the last response of each old generation until its process had gone.
        memory: Bytes (PSS) of generations and fork server.
    """

    requests: list[ClientRequest]
    commands: list[float]
    tasks: list[float]
    spans: list[Span]
    gone: list[float]
    memory: float


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was measured while LiteLLM was stopped and started again.

    Attributes:
        took: Seconds from the stop until it was ready again.
        span: When the restart began and ended.
        memory: Bytes (PSS).
    """

    requests: list[ClientRequest]
    took: float
    span: Span
    memory: float


def _switches(count: int, port: int, env: dict[str, str], folder: Path) -> Switched:
    load = Load(port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
    commands, tasks, spans, gone = [], [], [], []
    supervisor = SupervisorClient(folder / "runtime", folder / "supervisor.log")
    with load.running():
        time.sleep(PAUSE_SECONDS)
        for number in range(count):
            began, at = time.perf_counter(), load.now()
            argv = [str(BIN / "inv"), "profile.set", PROFILES[number % len(PROFILES)]]
            message = subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stderr
            commands.append(time.perf_counter() - began)
            tasks.append(sum(map(float, re.findall(r"^[=~] (?!Write|Prune).* (\d+\.\d\d) s$", message, re.MULTILINE))))
            spans.append((at, load.now()))
            gone.append(_until_gone(supervisor))
            time.sleep(PAUSE_SECONDS)
        memory = _pss(supervisor)
    supervisor.close()
    return Switched(load.requests, commands, tasks, spans, gone, memory)


def _until_gone(supervisor: SupervisorClient) -> float:
    """Wait until the old generation has gone; return the seconds since the end of its last request."""
    last = time.perf_counter()
    while True:
        generations = supervisor.status()["services"]["litellm"]["generations"]
        draining = [one for one in generations if one["phase"] == "draining"]
        if not draining:
            return time.perf_counter() - last
        if any(one.get("under_way") != 0 for one in draining):
            last = time.perf_counter()
        time.sleep(0.05)


def _pss(supervisor: SupervisorClient) -> float:
    """Return the proportional memory of LiteLLM's generations and fork server, in bytes."""
    status = supervisor.status()
    pids = [one["pid"] for one in status["services"]["litellm"]["generations"]]
    pids += [one["pid"] for one in status["fork_servers"]]
    return sum(share(pid) for pid in pids)


def share(pid: int) -> float:
    """Return the proportional memory of a process, in bytes; 0 for one that has gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return float(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) * 1024


def _stop_and_start(port: int, env: dict[str, str], folder: Path) -> Restarted:
    """Stop LiteLLM and start it again under the same load."""
    inv = str(BIN / "inv")
    subprocess.run([inv, "service.stop", "--service", "litellm"], env=env, check=True, capture_output=True)
    document = str(next((folder / "runtime").glob("litellm-*.yaml")))

    def start() -> subprocess.Popen[bytes]:
        argv = [str(BIN / "litellm"), "--config", document, "--host", "127.0.0.1", "--port", str(port)]
        with (folder / "bare.log").open("ab") as log:
            process = subprocess.Popen(
                argv, env=environment(**KEYS, **FIXED_ENV), stdout=log, stderr=log, start_new_session=True
            )
        assert poll(lambda: is_ready(port), Clock(), every=0.05, timeout=READY_SECONDS)
        return process

    process = start()
    load = Load(port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
    try:
        with load.running():
            time.sleep(PAUSE_SECONDS)
            memory = share(process.pid)
            began, at = time.perf_counter(), load.now()
            process.terminate()
            process.wait()
            process = start()
            took, until = time.perf_counter() - began, load.now()
            time.sleep(PAUSE_SECONDS)
    finally:
        processes.signal_tree(processes.tree_of(process.pid), signal.SIGKILL)
        process.wait()
    return Restarted(load.requests, took, (at, until), memory)


HANDOVER = Group(NAMES, run)


def _rows(found: Switched, stopped: Restarted) -> Iterator[Row]:
    requests, before, spans = found.requests, stopped.requests, found.spans
    command, tasks = statistics.median(found.commands), statistics.median(found.tasks)

    def during(one: ClientRequest) -> bool:
        return any(one.at + one.seconds >= a and one.at <= b + AFTER_SECONDS for a, b in spans)

    def count(of: list[ClientRequest], failure: str = "") -> float:
        return float(sum(bool(one.failure) if not failure else one.failure == failure for one in of))

    what = (
        f"of {len(requests)} requests in {len(spans)} switches ({len(before)} and {count(before):.0f} at one restart)"
    )
    yield Row("handover_failed", f"failed {what}", count(requests), None, 0.0, "")
    yield Row(
        "handover_cut", f"cut (at one restart: {count(before, 'cut'):.0f})", count(requests, "cut"), None, 0.0, ""
    )
    yield Row(
        "handover_refused", f"refused ({count(before, 'refused'):.0f})", count(requests, "refused"), None, 0.0, ""
    )
    seen = len({one.generation for one in requests})
    yield Row("handover_unswitched", "switches that no client has seen", max(0.0, len(spans) + 1 - seen), None, 0.0, "")
    yield Row("handover_command", "`inv profile.set`, start to end", command, None, 1.5)
    yield Row("handover_tasks", "tasks of a switch, smoke requests included", tasks, None, 1.0)
    yield Row("handover_times_faster", "a switch, compared with stop-and-start", command, stopped.took, 0.1)
    inside, outside = latencies(requests, during), latencies(requests, lambda one: not during(one))
    p99 = percentile(inside, 0.99), percentile(outside, 0.99)
    yield Row("handover_p99", "p99 of responses during a switch, compared with p99 otherwise", p99[0], p99[1], 3.0)
    yield Row(
        "handover_gone",
        "time until the old generation has gone, after its last response",
        max(found.gone),
        None,
        GONE_SECONDS,
    )
    memory = found.memory / 1e6, stopped.memory / 1e6
    yield Row(
        "handover_memory", "memory (PSS) of LiteLLM and fork server, compared with plain LiteLLM", *memory, 1.3, "MB"
    )
    _write_reports(requests, before, spans, stopped.span)


def _write_reports(requests: list[ClientRequest], before: list[ClientRequest], spans: list[Span], span: Span) -> None:
    """Write the picture and the list of requests into `reports/`."""
    folder = Path("reports")
    folder.mkdir(exist_ok=True)
    (folder / "handover.svg").write_text(draw(requests, spans, before, span))
    rows = [[one.kind, round(one.at, 3), round(one.seconds, 3), one.generation, one.failure] for one in requests]
    (folder / "handover.json").write_text(json.dumps({"switches": spans, "requests": rows}))
