"""How soon the keeper sees what happens, and what it costs."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from flowgate.keeper.client import Keeper
from flowgate.model import Program, Secret
from flowgate.world import sockets
from tests.bench.measure import ROOT, Row, alternate

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


def run(pairs: int) -> Iterator[Row]:
    """Measure readiness, respawn and the keeper's own cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reporting.py").write_text(REPORTING)
        keeper = Keeper(folder / "runtime", folder / "log")
        try:
            reporting, polled = alternate(
                pairs, lambda: _delay(keeper, folder, app=True), lambda: _delay(keeper, folder, app=False)
            )
            yield Row("ready_reported", "readiness seen after a program reports it", reporting * 1000, None, 10.0, "ms")
            yield Row("ready_polled", "readiness seen after a polled program answers", polled * 1000, None, 25.0, "ms")
            (respawn,) = alternate(pairs, lambda: _respawn(keeper, folder))
            yield Row("respawn", "kill -9 to the new process", respawn * 1000, None, 50.0, "ms")
            yield from _cost(keeper, folder)
        finally:
            keeper.stop(["served", "polled"])
            keeper.finish(keep=False)


def _program(folder: Path, app: bool) -> Program:
    port = sockets.free_port()
    child = (sys.executable, "-m", "flowgate.keeper.child")
    return Program(
        service="served" if app else "polled",
        argv=child if app else (sys.executable, "-c", POLLED, str(port)),
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


def _start(keeper: Keeper, program: Program) -> None:
    number = int(keeper.start(program)["generation"])
    keeper.wait(program.service, number, 30.0)


def _delay(keeper: Keeper, folder: Path, *, app: bool) -> float:
    program = _program(folder, app)
    _start(keeper, program)
    seen = time.monotonic()
    began = float((program.cwd / "began").read_text())
    keeper.stop([program.service])
    return seen - began


def _respawn(keeper: Keeper, folder: Path) -> float:
    program = _program(folder, app=False)
    _start(keeper, program)
    old = keeper.generation("polled")
    pid = int(old["pid"]) if old else 0
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while (new := keeper.generation("polled")) is None or new.get("pid") in (None, pid):
        pass
    took = time.monotonic() - killed
    keeper.wait("polled", int(new["number"]), 30.0)
    keeper.stop(["polled"])
    return took


def _cost(keeper: Keeper, folder: Path) -> Iterator[Row]:
    _start(keeper, _program(folder, app=False))
    process = psutil.Process(int(keeper.status()["keeper"]))
    before = sum(process.cpu_times()[:2])
    time.sleep(IDLE_SECONDS)
    used = sum(process.cpu_times()[:2]) - before
    yield Row("keeper_memory", "the keeper's resident memory", process.memory_info().rss / 1e6, None, 30.0, "MB")
    yield Row(
        "keeper_idle", "the keeper's CPU when idle, of one minute", used / IDLE_SECONDS * 60000, None, 300.0, "ms"
    )
