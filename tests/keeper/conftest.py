"""A keeper in a temp folder, and small programs for it to keep."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.keeper.client import Keeper
from flowgate.model import Program, Secret
from flowgate.world import procs, sockets
from flowgate.world.clock import Clock, poll

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
def runtime(tmp_path: Path) -> Iterator[Path]:
    """A runtime folder whose keeper, and whatever it keeps, is gone afterwards."""
    folder = tmp_path / "runtime"
    yield folder
    pid = procs.find(("flowgate.keeper.daemon", str(folder)))
    if pid is None:
        return
    members = procs.tree_of(pid)
    os.kill(pid, signal.SIGTERM)
    gone = poll(lambda: procs.find(("flowgate.keeper.daemon", str(folder))) is None, Clock(), every=0.05, timeout=15)
    if not gone:
        procs.signal_tree(members, signal.SIGKILL)


@pytest.fixture
def keeper(runtime: Path) -> Iterator[Keeper]:
    """The keeper of that folder, as a command sees it."""
    client = Keeper(runtime, runtime.parent / "keeper.log")
    yield client
    client.close()


@pytest.fixture
def program(runtime: Path) -> Callable[..., Program]:
    """Makes programs: `program(code=…, port=…)` runs Python code with the port as its argument."""

    def make(code: str = SERVER, *, service: str = "own", digest: str = "d1", port: int = 0, **more: object) -> Program:
        port = port or sockets.free_port()
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
            "ready_timeout": 20.0,
            "stop_grace": 5.0,
        }
        return Program(**(known | more))  # type: ignore[arg-type]

    return make
