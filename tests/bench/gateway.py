"""Time to start LiteLLM through FlowGate, compared with plain `litellm --config`."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from flowgate.gateway.litellm import FIXED_ENV
from flowgate.system import files, processes, sockets
from flowgate.system.clock import Clock, poll
from tests.bench.measure import BIN, ROOT, Group, Row, alternate, command, environment

KEYS = {"LITELLM_MASTER_KEY": "sk-bench-0123456789abcdef", "UPSTREAM_API_KEY": "sk-bench-upstream"}
READY_SECONDS = 120.0


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure the start and the smoke."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(write_config(folder, ports)), **KEYS)
        smoke = command([str(BIN / "inv"), "smoke"], env=env)
        smoke()  # renders the config that both sides start
        config = next((folder / "runtime").glob("litellm-*.yaml"))
        works = {"start": _start_through_flowgate(env), "smoke": smoke}
        chosen = [works[name] for name in works if name in wanted]
        plain, *found = alternate(pairs, lambda: start_plain(config, folder), *chosen)
        measured = dict(zip([name for name in works if name in wanted], found, strict=True))
        if "start" in measured:
            what = "LiteLLM ready through `inv service.start`, including the command"
            yield Row("start", what, measured["start"], plain, 0.9)
        if "smoke" in measured:
            what = "`inv smoke`, compared with plain LiteLLM ready plus 3 s"
            yield Row("smoke", what, measured["smoke"], plain + 3.0, 1.0)


GATEWAY = Group(("start", "smoke"), run)


def write_config(folder: Path, ports: tuple[int, int]) -> Path:
    text = (ROOT / "config" / "examples" / "embedded.yaml").read_text()
    text = text.replace(".router/runtime", str(folder / "runtime")).replace("4000", str(ports[0]))
    path = folder / "flowgate.yaml"
    path.write_text(text.replace("8317", str(ports[1])))
    return path


def _start_through_flowgate(env: dict[str, str]) -> Callable[[], float]:
    """Return a function that measures a cold start through FlowGate; it stops the supervisor afterwards."""
    inv = str(BIN / "inv")
    start = command([inv, "service.start", "--service", "litellm"], env=env)
    down = command([inv, "down"], env=env)

    def measure() -> float:
        try:
            return start()
        finally:
            down()

    return measure


def start_plain(config: Path, folder: Path) -> float:
    """Start plain LiteLLM with the same settings and environment; return the seconds until it is ready.

    Raises:
        RuntimeError: It is not ready in time; the timeout would be a baseline without meaning.
    """
    port = sockets.free_port()
    argv = [str(BIN / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    env = environment(**KEYS, **FIXED_ENV)
    log = folder / "plain.log"
    started = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(argv, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        poll(lambda: is_ready(port) or process.poll() is not None, Clock(), every=0.02, timeout=READY_SECONDS)
        took = time.perf_counter() - started
        if process.poll() is not None or took > READY_SECONDS:
            raise RuntimeError("plain LiteLLM did not start: " + "\n".join(files.tail(log, 10)))
        return took
    finally:
        processes.signal_tree(processes.tree_of(process.pid), signal.SIGKILL)
        process.wait()


def is_ready(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health/readiness", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
