"""What starting LiteLLM through FlowGate costs, beside bare `litellm --config`."""

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
    """Measure the start, and the whole smoke."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(write_config(folder, ports)), **KEYS)
        smoke = command([str(BIN / "inv"), "smoke"], env=env)
        smoke()  # renders the document that both sides start
        document = next((folder / "runtime").glob("litellm-*.yaml"))
        works = {"start": _through(env), "smoke": smoke}
        chosen = [works[name] for name in works if name in wanted]
        bare, *found = alternate(pairs, lambda: _bare(document, folder), *chosen)
        measured = dict(zip([name for name in works if name in wanted], found, strict=True))
        if "start" in measured:
            what = "LiteLLM ready through `inv service.start`, the command included"
            yield Row("start", what, measured["start"], bare, 1.05)
        if "smoke" in measured:
            yield Row("smoke", "`inv smoke` beside bare LiteLLM ready plus 3 s", measured["smoke"], bare + 3.0, 1.0)


GATEWAY = Group(("start", "smoke"), run)


def write_config(folder: Path, ports: tuple[int, int]) -> Path:
    text = (ROOT / "config" / "examples" / "embedded.yaml").read_text()
    text = text.replace(".router/runtime", str(folder / "runtime")).replace("4000", str(ports[0]))
    path = folder / "flowgate.yaml"
    path.write_text(text.replace("8317", str(ports[1])))
    return path


def _through(env: dict[str, str]) -> Callable[[], float]:
    """Give the measurement of a start through FlowGate; the keeper goes too, so that every start is a first one."""
    inv = str(BIN / "inv")
    start = command([inv, "service.start", "--service", "litellm"], env=env)
    down = command([inv, "down"], env=env)

    def through() -> float:
        try:
            return start()
        finally:
            down()

    return through


def _bare(document: Path, folder: Path) -> float:
    """Run bare LiteLLM, with the same settings and environment, until it is ready; give the seconds.

    Fails with: RuntimeError when it does not come up: its long silence would be a baseline that anything beats
    """
    port = sockets.free_port()
    argv = [str(BIN / "litellm"), "--config", str(document), "--host", "127.0.0.1", "--port", str(port)]
    env = environment(**KEYS, **FIXED_ENV)
    log = folder / "bare.log"
    began = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(argv, cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        poll(lambda: is_ready(port) or process.poll() is not None, Clock(), every=0.02, timeout=READY_SECONDS)
        took = time.perf_counter() - began
        if process.poll() is not None or took > READY_SECONDS:
            raise RuntimeError("bare LiteLLM did not come up: " + "\n".join(files.tail(log, 10)))
        return took
    finally:
        processes.signal_tree(processes.tree_of(process.pid), signal.SIGKILL)
        process.wait()


def is_ready(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health/readiness", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
