"""The embedded upstream as a process, as other programs use it."""

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

from flowgate.system.clock import Clock, poll
from tests.conftest import free_port
from tests.contract.subject import end

KEY = "sk-for-the-test"
WITH_KEY = {"Authorization": f"Bearer {KEY}"}
MODELS = ["embedded-default", "embedded-cheap"]
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    text: str


@dataclass
class Upstream:
    """A running embedded upstream; its log is beside its config."""

    port: int
    config: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return self.config.with_name("log").read_text()

    def request(self, method: str, path: str, *, headers: Mapping[str, str] = WITH_KEY, body: object = None) -> Reply:
        data = body if isinstance(body, bytes) else (json.dumps(body).encode() if body is not None else None)
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=dict(headers))
        try:
            with OPENER.open(request, timeout=60) as reply:
                return Reply(reply.status, reply.headers, reply.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.headers, error.read().decode())

    def post(self, path: str, body: object) -> Reply:
        return self.request("POST", path, body=body)

    def responds(self) -> bool:
        try:
            return self.request("GET", "/").status == 200
        except OSError:
            return False


def write_config(path: Path, port: int, **values: object) -> Path:
    """Write a config; `values` replace its keys, with `_` for `-`."""
    config = {"host": "127.0.0.1", "port": port, "auth-dir": str(path.parent / "auth"), "api-keys": [KEY]}
    path.write_text(json.dumps({**config, **{name.replace("_", "-"): value for name, value in values.items()}}))
    return path


Start = Callable[..., Upstream]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start embedded upstreams with flags and config values; all are stopped afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*flags: str, **values: object) -> Upstream:
        port = free_port()
        config = write_config(tmp_path_factory.mktemp("upstream") / "config.yaml", port, **values)
        argv = [sys.executable, "-m", "flowgate.embedded_upstream", *flags, "-config", str(config)]
        with config.with_name("log").open("wb") as log:
            running.append(subprocess.Popen(argv, stdout=log, stderr=log))
        upstream = Upstream(port, config, running[-1])
        assert poll(upstream.responds, Clock(), every=0.02, timeout=60), upstream.log
        return upstream

    yield begin
    for process in running:
        end(process)


@pytest.fixture(scope="module")
def upstream(start: Start) -> Upstream:
    """An upstream with models, shared by the tests of a file."""
    return start(embedded={"models": MODELS})
