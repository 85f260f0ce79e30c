"""A supervisor in a temp folder, and small programs for it to run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import ForkServerSettings, Program, Secret
from flowgate.supervisor import orphans
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import process_table, processes
from flowgate.system.clock import Clock, poll
from tests.conftest import free_port, wait

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def waiting() -> Iterator[int]:
    """The pid of a process that waits: one that has just been started may still be waiting for a core."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            assert wait(lambda: not process_table.thread_states(process.pid) - {"S"})
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Path]:
    """A runtime folder; its supervisor and all that it runs have ended afterwards."""
    folder = tmp_path / "runtime"
    yield folder
    pid = processes.find(("flowgate.supervisor.daemon", str(folder)))
    if pid is None:
        for record in orphans.living(folder / "run"):  # of a supervisor that was killed, or that crashed
            processes.signal_tree(processes.tree_of(int(record["pid"])), signal.SIGKILL)
        return
    members = processes.tree_of(pid)
    os.kill(pid, signal.SIGTERM)
    gone = poll(
        lambda: processes.find(("flowgate.supervisor.daemon", str(folder))) is None, Clock(), every=0.05, timeout=30
    )
    if not gone:
        processes.signal_tree(members, signal.SIGKILL)


@pytest.fixture
def supervisor(runtime: Path) -> Iterator[SupervisorClient]:
    """A client of the supervisor of that folder."""
    client = SupervisorClient(runtime, runtime.parent / "supervisor.log")
    yield client
    client.close()


def supervisor_pid(supervisor: SupervisorClient) -> int:
    """Return the pid of the running supervisor."""
    pid = supervisor.status()["supervisor"]
    assert pid is not None
    return pid


@pytest.fixture
def program(runtime: Path) -> Callable[..., Program]:
    """Creates programs: `program(code=…, port=…)` runs Python code with the port as its argument."""

    def make(code: str = SERVER, *, service: str = "own", digest: str = "d1", port: int = 0, **more: object) -> Program:
        port = port or free_port()
        known: dict[str, object] = {
            "service": service,
            "argv": (sys.executable, "-c", code, str(port)),
            "cwd": runtime / "work",
            "env": {"PATH": Secret(os.environ["PATH"])},
            "app": None,
            "host": "127.0.0.1",
            "port": port,
            "readiness_path": "/",
            "log": runtime / "process-logs" / f"{service}.log",
            "documents": (),
            "labels": {},
            "digest": digest,
            "ready_timeout": 60.0,
            "stop_grace": 5.0,
        }
        return Program(**(known | more))  # type: ignore[arg-type]

    return make


APP = """
import asyncio, importlib, os, sys, threading
from pathlib import Path

os.environ["SET_BY_IMPORT"] = "yes"

def describe():
    return [{"name": os.environ["NAME"], "pid": os.getpid()}]

async def describe_later():
    await asyncio.sleep(0)
    return describe()

calls = []

def set_up(upstreams):
    calls.append({"hook": "set_up", "addresses": dict(upstreams.addresses)})
    return {"attempts": "this app has none"}

def changed(upstreams, name):
    calls.append({"hook": "changed", "name": name, "down": dict(upstreams.down), "soon": sorted(upstreams.restarting)})
    return {}

def list_calls():
    return calls

def broken():
    raise LookupError("a private name has moved")

def forbid_forks(where):
    raise RuntimeError(f"no fork of {where}")

async def live(receive, send):
    await receive()
    if "REFUSES" in os.environ:
        await send({"type": "lifespan.startup.failed", "message": f"Traceback …\\n  line\\n{os.environ['REFUSES']}\\n"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await live(receive, send)
    knew = "wave" in sys.modules
    if scope["path"] == "/lazy":
        importlib.import_module("wave")
    text = f"{os.environ.get('NAME')} {os.getpid()} {knew} {os.environ.get('KEY')} {os.environ.get('SET_BY_IMPORT')}"
    streams = scope["path"].startswith("/stream/")
    headers = [] if streams else [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode(), "more_body": streams})
    if streams:
        while not Path(scope["path"].removeprefix("/stream/")).exists():
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b" end"})
"""
CHECKOUT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(params=["forked", "cold"])
def way(request: pytest.FixtureRequest) -> str:
    """How workers are started: both ways must behave the same."""
    return str(request.param)


@pytest.fixture
def app(runtime: Path, program: Callable[..., Program]) -> Callable[..., Program]:
    """Creates programs that a worker serves: `app(name, way=…, fork_server=…)`."""
    folder = runtime.parent / "modules"
    folder.mkdir()
    (folder / "served_app.py").write_text(APP)
    port = free_port()

    def make(
        name: str = "one", *, way: str = "forked", fork_server: ForkServerSettings | None = None, **more: object
    ) -> Program:
        import_variables = {"PYTHONPATH": Secret(f"{folder}:{CHECKOUT}")}
        variables = {"NAME": name, "KEY": "sk-for-generations-only", **more.pop("env", {})}  # type: ignore[dict-item]
        known = fork_server or ForkServerSettings(("served_app",))
        return program(
            service="app",
            argv=(sys.executable, "-m", "flowgate.supervisor.worker"),
            app="served_app:app",
            port=port,
            digest=name,
            env={**import_variables, **{variable: Secret(value) for variable, value in variables.items()}},
            fork_server=replace(known, import_variables=tuple(import_variables)) if way == "forked" else None,
            **more,
        )

    return make
