"""CLIProxyAPIPlus (here the embedded upstream), restarted and killed under load."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from tests.bench.gateway import KEYS, write_config
from tests.bench.load import Load
from tests.bench.measure import BIN, Group, Row, environment

NAMES = ("upstream_restarts", "upstream_kills")
CLIENTS = 24
PAUSE_SECONDS = 4.0
SERVICE = "cliproxyapi_plus"


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Restart it `pairs` times and kill it a third as often, under load. The full numbers are 10 and 3."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(write_config(folder, ports)), **KEYS)
        inv = str(BIN / "inv")
        subprocess.run([inv, "up"], env=env, check=True, capture_output=True)
        try:
            if "upstream_restarts" in wanted:
                failed, requests = _restarts(pairs, ports[0], [inv, "service.restart", "--service", SERVICE], env)
                what = f"failed of {requests} requests in {pairs} restarts"
                yield Row("upstream_restarts", what, failed, None, 0.0, "")
            if "upstream_kills" in wanted:
                kills = max(1, pairs // 3)
                failed, requests, busy = _kills(kills, ports[0], folder)
                what = f"failed of {requests} requests in {kills} kills, at most {busy} running"
                yield Row("upstream_kills", what, failed, None, float(busy), "")
        finally:
            subprocess.run([inv, "down"], env=env, check=False, capture_output=True)


UPSTREAM = Group(NAMES, run)


def _failed(load: Load) -> tuple[float, int]:
    return float(sum(bool(one.failure) for one in load.requests)), len(load.requests)


def _restarts(count: int, port: int, argv: list[str], env: dict[str, str]) -> tuple[float, int]:
    load = Load(port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
    with load.running():
        for _ in range(count):
            time.sleep(PAUSE_SECONDS)
            subprocess.run(argv, env=env, check=True, capture_output=True)
        time.sleep(PAUSE_SECONDS)
    return _failed(load)


def _kills(count: int, port: int, folder: Path) -> tuple[float, int, int]:
    """Kill it. Every client has at most one running request, which may not have reached the program."""
    supervisor = SupervisorClient(folder / "runtime", folder / "supervisor.log")
    load = Load(port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
    with load.running():
        for _ in range(count):
            time.sleep(PAUSE_SECONDS)
            os.kill(supervisor.status()["services"][SERVICE]["generations"][-1]["pid"], signal.SIGKILL)
        time.sleep(PAUSE_SECONDS)
    supervisor.close()
    return *_failed(load), CLIENTS * count
