"""A client that leaves takes along what went on to a vendor, so that nothing is held up by it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll
from tests.unit.embedded_upstream.conftest import Upstream


@dataclass(frozen=True)
class Pair:
    """An upstream, and the vendor that it asks."""

    upstream: Upstream
    vendor: Upstream


def started(folder: Path, *flags: str, **tree: Any) -> Upstream:
    port, config = sockets.free_port(), folder / "config.yaml"
    folder.mkdir()
    config.write_text(json.dumps({"host": "127.0.0.1", "port": port, "auth-dir": str(folder / "auth"), **tree}))
    with (folder / "log").open("w") as log:
        argv = [sys.executable, "-m", "flowgate.embedded_upstream", *flags, "-config", str(config)]
        process = subprocess.Popen(argv, stdout=log, stderr=log, text=True)
    return Upstream(port, config, process)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    running = [started(tmp_path / "vendor", "--faults")]
    try:
        key, models = [{"api-key": "k"}], [{"name": "m", "alias": "m"}]
        entry = {"base-url": f"http://127.0.0.1:{running[0].port}/v1", "api-key-entries": key, "models": models}
        running.append(started(tmp_path / "upstream", **{"openai-compatibility": [{"name": "v", **entry}]}))
        assert all(poll(one.answers, Clock(), every=0.02, timeout=20) for one in running)
        yield Pair(running[1], running[0])
    finally:
        for one in running:
            one.process.kill()
            one.process.wait()


def ask(pair: Pair, stream: bool) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", pair.upstream.port, timeout=10)
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    return connection


def under_way(pair: Pair) -> int:
    """Count what the vendor was asked and has not ended."""
    asked = len(json.loads(pair.vendor.ask("GET", "/embedded/asked").text)["asked"])
    return asked - pair.vendor.config.with_name("log").read_text().count("| POST ")


def until(pair: Pair, count: int) -> None:
    assert poll(lambda: under_way(pair) == count, Clock(), every=0.02, timeout=5)


@pytest.mark.parametrize("fault", ["hangs", "silent"])
def test_who_leaves_takes_the_question_along_and_a_stop_is_not_held_up(pair: Pair, fault: str) -> None:
    pair.vendor.ask("PUT", "/embedded/faults", body={"m": {fault: True}})
    waiting = [ask(pair, stream=True) for _ in range(2)]
    until(pair, 2)
    for one in waiting:
        one.close()
    until(pair, 0)
    pair.upstream.process.send_signal(signal.SIGTERM)
    assert pair.upstream.process.wait(5) == 0


def test_who_stays_is_answered(pair: Pair) -> None:
    pair.vendor.ask("PUT", "/embedded/faults", body={"m": {"slow": 0.3}})
    for stream in (False, True):
        connection = ask(pair, stream)
        answer = connection.getresponse()
        assert (answer.status, b"FlowGate" in answer.read()) == (200, True)
        connection.close()
