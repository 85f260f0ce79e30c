"""How soon the supervisor notices what happens, and what it costs."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import psutil

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from tests.bench.measure import ROOT, Group, Row, alternate

POLLED = """import http.server, pathlib, sys, time
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '0'); self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H)
pathlib.Path('began').write_text(str(time.monotonic()))
server.serve_forever()
"""
REPORTING = """import contextlib, pathlib, time
from starlette.applications import Starlette
@contextlib.asynccontextmanager
async def life(app):
    pathlib.Path('began').write_text(str(time.monotonic()))
    yield
app = Starlette(lifespan=life)
"""
IDLE_SECONDS = 10.0
IDLE_BOUND = 120.0  # ms of one minute: two thousandths of a processor
SETTLE_SECONDS = 2.0  # work that a start leaves over is not idling
RESPAWN_SECONDS = 10.0  # a program that is not running again by then never will be


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure readiness, respawn and the cost of the supervisor itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reporting.py").write_text(REPORTING)
        supervisor = SupervisorClient(folder / "runtime", folder / "log")
        try:
            yield from _delays(supervisor, folder, pairs, wanted)
            if {"supervisor_memory", "supervisor_idle"} & set(wanted):
                yield from (row for row in _cost(supervisor, folder) if row.name in wanted)
        finally:
            supervisor.finish(keep=False)


def _delays(supervisor: SupervisorClient, folder: Path, pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    rows: dict[str, tuple[str, float, Callable[[], float]]] = {
        "ready_reported": (
            "from a reported readiness until it is noticed",
            10.0,
            lambda: _delay(supervisor, folder, app=True),
        ),
        "ready_polled": (
            "from the first response of a probed program until it is noticed",
            25.0,
            lambda: _delay(supervisor, folder, app=False),
        ),
        "respawn": ("from kill -9 until the new process", 50.0, lambda: _respawn(supervisor, folder)),
    }
    chosen = {name: row for name, row in rows.items() if name in wanted}
    found = alternate(pairs, *(work for _, _, work in chosen.values()))
    for (name, (what, bound, _)), measured in zip(chosen.items(), found, strict=True):
        yield Row(name, what, measured * 1000, None, bound, "ms")


KEEPING = Group(("ready_reported", "ready_polled", "respawn", "supervisor_memory", "supervisor_idle"), run)


def _program(folder: Path, app: bool) -> Program:
    port = sockets.free_port()
    worker = (sys.executable, "-m", "flowgate.supervisor.worker")
    return Program(
        service="served" if app else "polled",
        argv=worker if app else (sys.executable, "-c", POLLED, str(port)),
        cwd=folder / "work",
        env={"PATH": Secret(os.environ["PATH"]), "PYTHONPATH": Secret(f"{folder}:{ROOT}")},
        app="reporting:app" if app else None,
        host="127.0.0.1",
        port=port,
        readiness_path="/",
        log=folder / "program.log",
        documents=(),
        labels={},
        digest=str(time.monotonic_ns()),
    )


def _start(supervisor: SupervisorClient, program: Program) -> None:
    number = supervisor.start(program)["generation"]
    supervisor.wait(program.service, number, 30.0)


def _delay(supervisor: SupervisorClient, folder: Path, *, app: bool) -> float:
    program = _program(folder, app)
    _start(supervisor, program)
    seen = time.monotonic()
    began = float((program.cwd / "began").read_text())
    supervisor.stop([program.service])
    return seen - began


def _respawn(supervisor: SupervisorClient, folder: Path) -> float:
    program = _program(folder, app=False)
    _start(supervisor, program)
    old = supervisor.generation("polled")
    pid = int(old["pid"]) if old else 0
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while (new := supervisor.generation("polled")) is None or new.get("pid") in (None, pid):
        if time.monotonic() - killed > RESPAWN_SECONDS:
            raise RuntimeError(f"the program was not started again: {supervisor.status()}")
    took = time.monotonic() - killed
    supervisor.wait("polled", int(new["number"]), 30.0)
    supervisor.stop(["polled"])
    return took


def _cost(supervisor: SupervisorClient, folder: Path) -> Iterator[Row]:
    _start(supervisor, _program(folder, app=False))
    process = psutil.Process(supervisor.status()["supervisor"])
    time.sleep(SETTLE_SECONDS)
    before = _used(process)
    time.sleep(IDLE_SECONDS)
    used = (_used(process) - before) / IDLE_SECONDS * 60
    yield Row(
        "supervisor_memory", "the supervisor's resident memory", process.memory_info().rss / 1e6, None, 30.0, "MB"
    )
    yield Row("supervisor_idle", "the CPU time of an idle supervisor, per minute", used * 1000, None, IDLE_BOUND, "ms")


def _used(process: psutil.Process) -> float:
    """Return how much CPU time a process has used, in seconds.

    Source: sched-stats.rst in the kernel's documentation: schedstat's first field counts nanoseconds; cpu_times counts
        ticks of 10 ms, and one tick in ten seconds is more than an idle supervisor uses
    """
    try:
        return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:  # not Linux, or a kernel without it
        return float(sum(process.cpu_times()[:2]))
