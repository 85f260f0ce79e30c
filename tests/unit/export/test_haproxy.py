"""The exported HAProxy config in front of two real supervisors: one gateway is drained, and no request fails."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import CHECKOUT, free_port, wait
from tests.unit.export.conftest import Exports

pytestmark = pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
CLIENTS = 24
APP = """
import asyncio, os
from pathlib import Path

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    streams = scope["path"].startswith("/stream/")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": os.environ["NAME"].encode(), "more_body": streams})
    if streams:
        while not Path(scope["path"].removeprefix("/stream/")).exists():
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b" end"})
"""


@dataclass
class Clients:
    """Clients that ask one after another until they are stopped, each time over a fresh connection."""

    port: int
    announce: Path
    served: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask(self, path: str = "/") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, b"{}")
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise OSError(f"{response.status} {text}")
        return text

    def work(self) -> None:
        while not self.stopped.is_set():
            try:
                self.served[self.ask()] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))


def gateway(folder: Path, name: str, port: int) -> tuple[SupervisorClient, Program]:
    """Return a supervisor of its own, and a program that its worker serves."""
    modules = folder / "modules"
    modules.mkdir(parents=True)
    (modules / "drained_app.py").write_text(APP)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{modules}:{CHECKOUT}", "NAME": name}
    program = Program(
        service="app",
        argv=(sys.executable, "-m", "flowgate.supervisor.worker"),
        cwd=folder / "work",
        env={variable: Secret(value) for variable, value in env.items()},
        app="drained_app:app",
        host="127.0.0.1",
        port=port,
        readiness_path="/",
        log=folder / "app.log",
        documents=(),
        labels={},
        digest=name,
        drain_timeout=30.0,
    )
    return SupervisorClient(folder / "runtime", folder / "supervisor.log"), program


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[list[tuple[SupervisorClient, Program]]]:
    """Two gateways that serve."""
    found = [gateway(tmp_path / name, name, free_port()) for name in ("one", "two")]
    try:
        for supervisor, program in found:
            number = supervisor.start(program)["generation"]
            supervisor.wait("app", number, 60)
            supervisor.promote("app", number, program.digest)
        yield found
    finally:
        for supervisor, _ in found:
            supervisor.stop(["app"])
            supervisor.finish(keep=False)
            supervisor.close()


@pytest.fixture
def clients(exports: Exports, gateways: list[tuple[SupervisorClient, Program]], tmp_path: Path) -> Iterator[Clients]:
    """Clients of an HAProxy with the exported config, in which only the addresses and the path are replaced."""
    port = free_port()
    files, admin = exports.run("compose"), free_port()
    text, announce = files["haproxy.cfg"], tmp_path / "announce.py"
    announce.write_text(files["announce.py"].replace("8404", str(admin)))
    replaced = {"*:8080": f"127.0.0.1:{port}", "127.0.0.1:8404": f"127.0.0.1:{admin}"}
    replaced |= {"GET /health/readiness": "GET /", "slowstart 10s": "slowstart 1s"}
    for number, (_, program) in enumerate(gateways, 1):
        replaced[f"127.0.0.1:400{number}"] = f"127.0.0.1:{program.port}"
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "haproxy.cfg").write_text(text)
    argv = ["haproxy", "-W", "-db", "-f", str(tmp_path / "haproxy.cfg")]
    with (tmp_path / "haproxy.log").open("w") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    found = Clients(port, announce)
    try:
        assert wait(lambda: _answers(found))
        yield found
    finally:
        found.stopped.set()
        process.terminate()
        process.wait(60)


def announce(clients: Clients, state: str) -> None:
    """Say it as the exported hooks do."""
    argv = [sys.executable, str(clients.announce), "gateway-1", state]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def _answers(clients: Clients) -> bool:
    try:
        return bool(clients.ask())
    except (OSError, http.client.HTTPException):
        return False


def test_a_drained_gateway_fails_no_request_and_cuts_no_stream(
    clients: Clients, gateways: list[tuple[SupervisorClient, Program]], tmp_path: Path
) -> None:
    end = tmp_path / "end"
    with ThreadPoolExecutor(CLIENTS + 5) as pool:
        streams = [pool.submit(clients.ask, f"/stream/{end}") for _ in range(4)]
        asking = [pool.submit(clients.work) for _ in range(CLIENTS)]
        assert wait(lambda: min(clients.served["one"], clients.served["two"]) >= CLIENTS)
        announce(clients, "drain")
        before = Counter(clients.served)
        assert wait(lambda: clients.served["two"] >= before["two"] + 10 * CLIENTS)
        assert clients.served["one"] == before["one"]  # no new request, and its streams go on
        end.touch()
        texts = [one.result(30) for one in streams]
        gateways[0][0].stop(["app"])
        assert wait(lambda: clients.served["two"] >= before["two"] + 20 * CLIENTS)
        clients.stopped.set()
        for one in asking:
            one.result(30)
    assert clients.failures == []
    assert {text.removesuffix(" end") for text in texts} == {"one", "two"}
    assert all(text.endswith(" end") for text in texts)


def test_a_gateway_that_came_back_is_asked_again(
    clients: Clients, gateways: list[tuple[SupervisorClient, Program]]
) -> None:
    announce(clients, "drain")
    assert {clients.ask() for _ in range(CLIENTS)} == {"two"}
    announce(clients, "ready")
    assert wait(lambda: clients.ask() == "one")


def test_a_gateway_that_refuses_connections_costs_no_request(
    clients: Clients, gateways: list[tuple[SupervisorClient, Program]]
) -> None:
    gateways[0][0].stop(["app"])
    assert {clients.ask() for _ in range(CLIENTS)} == {"two"}
