"""A gateway with some workers in front of a cheap provider, and what `wrk` and /proc say about it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from flowgate.gateway.litellm import FIXED_ENV
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.status_document import GenerationStatus
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.bench.gateway import KEYS, READY_SECONDS, is_ready, write_config
from tests.bench.measure import BIN, environment

SOURCE = Path(__file__).with_name("upstream.c")
BODY = {"model": "router-default", "messages": [{"role": "user", "content": "hello"}]}
PIECES = 100  # of a stream of upstream.c
SCRIPT = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer %s"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[%s]]
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """What `wrk` measured.

    Attributes:
        per_second: Complete responses.
        errors: Responses other than 2xx, and connections that broke.
        count: Responses.
    """

    per_second: float
    errors: int
    count: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway.

    Attributes:
        port: Its public port.
        folder: Its files.
        pids: Returns the processes that serve.
        env: The environment of its commands.
        spares: Returns the processes that wait to serve.
    """

    port: int
    folder: Path
    pids: Callable[[], list[int]]
    env: dict[str, str]
    spares: Callable[[], list[int]] = list

    def wrk(self, seconds: float, clients: int, *, stream: bool = False) -> Rate:
        """Ask as fast as the gateway answers; one thread of `wrk` shares the cores with it."""
        script = self.folder / "ask.lua"
        script.write_text(SCRIPT % (KEYS["LITELLM_MASTER_KEY"], json.dumps({**BODY, "stream": stream})))
        argv = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s", str(script)]
        argv.append(f"http://127.0.0.1:{self.port}/v1/chat/completions")
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        rate, count = re.search(r"Requests/sec:\s+([\d.]+)", text), re.search(r"(\d+) requests in", text)
        wrong = re.findall(r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", text)
        if rate is None or count is None:
            raise RuntimeError(f"wrk says something else: {text}")
        return Rate(float(rate[1]), sum(int(one or other) for one, other in wrong), int(count[1]))

    def cpu_seconds(self) -> float:
        """Return the processor time that the processes which serve have used."""
        return sum(_cpu_seconds(pid) for pid in self.pids())

    def memory(self) -> float:
        """Return the proportional memory of the processes which serve or wait to serve, in bytes."""
        return sum(_share(pid) for pid in {*self.pids(), *self.spares()})


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _share(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return float(re.findall(r"^Pss:\s+(\d+)", text, re.MULTILINE)[0]) * 1024


def missing_tools() -> list[str]:
    """Return the programs that are needed and not installed."""
    return [name for name in ("cc", "wrk") if shutil.which(name) is None]


@contextlib.contextmanager
def provider(folder: Path) -> Iterator[int]:
    """Compile and run the provider; yield its port."""
    program, port = folder / "upstream", sockets.free_port()
    subprocess.run(["cc", "-O2", "-o", str(program), str(SOURCE)], check=True)
    process = subprocess.Popen([str(program), str(port)])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def _config(folder: Path, provider_port: int, workers: int, **more: object) -> tuple[Path, int]:
    ports = (sockets.free_port(), sockets.free_port())
    path = write_config(folder, ports)
    of_profiles = path.read_text().replace(f"http://127.0.0.1:{ports[1]}/v1", f"http://127.0.0.1:{provider_port}/v1")
    tree = yaml.safe_load(of_profiles)
    tree["services"]["litellm"] |= {"workers": workers, "depends_on": [], **more}
    path.write_text(yaml.safe_dump(tree))
    return path, ports[0]


@contextlib.contextmanager
def flowgate(folder: Path, provider_port: int, workers: int, **more: object) -> Iterator[Gateway]:
    """Run FlowGate with so many workers."""
    folder.mkdir(exist_ok=True)
    path, port = _config(folder, provider_port, workers, **more)
    env = environment(FLOWGATE_CONFIG=str(path), **KEYS)
    inv = str(BIN / "inv")
    subprocess.run([inv, "service.start", "--service", "litellm"], env=env, check=True, capture_output=True)
    supervisor = SupervisorClient(folder / "runtime", folder / "supervisor.log")
    try:
        serving = partial(_serving, supervisor)
        yield Gateway(port, folder, serving, env, partial(_members, supervisor))
    finally:
        supervisor.close()
        subprocess.run([inv, "down"], env=env, check=False, capture_output=True)


def worker_pids(supervisor: SupervisorClient) -> list[int]:
    """Return the pids of the workers of all generations."""
    generations: list[GenerationStatus] = supervisor.status()["services"]["litellm"]["generations"]
    return [one["pid"] for found in generations for one in found.get("workers", [])]


def _members(supervisor: SupervisorClient) -> list[int]:
    """Return the pids of all that the supervisor has started: spare workers too."""
    own = supervisor.status()["supervisor"]
    return [one.pid for one in processes.tree_of(own) if one.pid != own] if own else []


def _serving(supervisor: SupervisorClient) -> list[int]:
    return [*worker_pids(supervisor), *(one["pid"] for one in supervisor.status()["fork_servers"])]


@contextlib.contextmanager
def bare(folder: Path, beside: Gateway, workers: int) -> Iterator[Gateway]:
    """Run plain `litellm --num_workers N` with the settings that FlowGate has rendered."""
    document, port = str(next((beside.folder / "runtime").glob("litellm-*.yaml"))), sockets.free_port()
    argv = [str(BIN / "litellm"), "--config", document, "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--num_workers", str(workers)] if workers > 1 else []
    folder.mkdir(exist_ok=True)
    with (folder / "bare.log").open("ab") as log:
        env = environment(**KEYS, **FIXED_ENV)
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        assert poll(lambda: is_ready(port), Clock(), every=0.1, timeout=READY_SECONDS)
        time.sleep(2.0 * (workers - 1))  # the other workers import LiteLLM too
        yield Gateway(port, folder, lambda: [one.pid for one in processes.tree_of(process.pid)], {})
    finally:
        processes.signal_tree(processes.tree_of(process.pid), signal.SIGKILL)
        process.wait()
