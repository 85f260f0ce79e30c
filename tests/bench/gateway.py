"""What starting LiteLLM through FlowGate costs, beside bare `litellm --config`."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from flowgate.world import procs, sockets
from flowgate.world.clock import Clock, poll
from tests.bench.measure import BIN, ROOT, Row, alternate, command, environment, seconds

KEYS = {"LITELLM_MASTER_KEY": "sk-bench-0123456789abcdef", "UPSTREAM_API_KEY": "sk-bench-upstream"}


def run(pairs: int) -> Iterator[Row]:
    """Measure the start, and the whole smoke."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(_config(folder, ports)), **KEYS)
        inv = str(BIN / "inv")
        command([inv, "smoke"], env=env)()  # renders, and compiles the environment once
        document = next((folder / "runtime").glob("litellm-*.yaml"))

        def through() -> float:
            try:
                return seconds(command([inv, "service.start", "--service", "litellm"], env=env))
            finally:
                command([inv, "down"], env=env)()

        bare, ours, smoke = alternate(pairs, lambda: _bare(document, folder), through, command([inv, "smoke"], env=env))
        yield Row("start", "LiteLLM ready through `inv service.start`, the command included", ours, bare, 1.05)
        yield Row("smoke", "`inv smoke` beside bare LiteLLM ready plus 3 s", smoke, bare + 3.0, 1.0)


def _config(folder: Path, ports: tuple[int, int]) -> Path:
    text = (ROOT / "config" / "examples" / "embedded.yaml").read_text()
    text = text.replace(".router/runtime", str(folder / "runtime")).replace("4000", str(ports[0]))
    path = folder / "flowgate.yaml"
    path.write_text(text.replace("8317", str(ports[1])))
    return path


def _bare(document: Path, folder: Path) -> float:
    """Run bare LiteLLM until it is ready; give the seconds."""
    port = sockets.free_port()
    argv = [str(BIN / "litellm"), "--config", str(document), "--host", "127.0.0.1", "--port", str(port)]
    env = environment(**KEYS, LITELLM_LOCAL_MODEL_COST_MAP="True")
    with (folder / "bare.log").open("w") as log:
        process = subprocess.Popen(argv, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        return seconds(lambda: poll(lambda: _answers(port), Clock(), every=0.02, timeout=120))
    finally:
        procs.signal_tree(procs.tree_of(process.pid), signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/health/readiness", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
