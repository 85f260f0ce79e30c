"""The embedded upstream as a process, as everybody else meets it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll

KEY = "sk-for-the-test"
MODELS = ("embedded-default", "embedded-cheap")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    text: str


class Unredirected(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for an answer."""

    def redirect_request(self, *args: object) -> None:
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), Unredirected)


@dataclass
class Upstream:
    """A running embedded upstream."""

    port: int
    config: Path
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None) -> Reply:
        data = body if isinstance(body, bytes) else (json.dumps(body).encode() if body is not None else None)
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
        try:
            with OPENER.open(request, timeout=20) as answer:
                return Reply(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                return Reply(answer.code, answer.headers, answer.read().decode())

    def post(self, path: str, body: object) -> Reply:
        return self.ask("POST", path, headers={"Authorization": f"Bearer {KEY}"}, body=body)

    def answers(self) -> bool:
        try:
            return self.ask("GET", "/").status == 200
        except OSError:
            return False


def write_config(path: Path, port: int, *, models: tuple[str, ...] = (), keys: tuple[str, ...] = (KEY,)) -> Path:
    tree = {"host": "127.0.0.1", "port": port, "auth-dir": str(path.parent / "auth"), "api-keys": list(keys)}
    path.write_text(json.dumps({**tree, **({"embedded": {"models": list(models)}} if models else {})}))
    return path


Start = Callable[..., Upstream]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts embedded upstreams; all are stopped afterwards."""
    running: list[subprocess.Popen[str]] = []

    def begin(**more: tuple[str, ...]) -> Upstream:
        port = sockets.free_port()
        config = write_config(tmp_path_factory.mktemp("upstream") / "config.yaml", port, **more)
        argv = [sys.executable, "-m", "flowgate.embedded_upstream", "-config", str(config)]
        log = config.with_name("log").open("w")
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, text=True)
        log.close()
        running.append(process)
        upstream = Upstream(port, config, process)
        assert poll(upstream.answers, Clock(), every=0.02, timeout=20)
        return upstream

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def upstream(start: Start) -> Upstream:
    """One with models, shared by the tests of a file."""
    return start(models=MODELS)


@pytest.fixture(scope="module")
def bare(start: Start) -> Upstream:
    """One without models: the real program without credentials."""
    return start()
