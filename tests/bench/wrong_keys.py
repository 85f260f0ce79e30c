"""What one client that sends wrong keys costs the others: the p99 of their requests, with and without it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3

from flowgate.system import sockets
from tests.bench.gateway import KEYS, write_config
from tests.bench.load import Load, latencies, percentile
from tests.bench.measure import BIN, ROOT, Group, Row, alternate, command, environment

WRONG_A_SECOND = 200
CLIENTS = 6
PHASE_SECONDS = 20.0


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure alternating phases without and with the wrong keys."""
    with tempfile.TemporaryDirectory() as name:
        ports = (sockets.free_port(), sockets.free_port())
        env = environment(FLOWGATE_CONFIG=str(write_config(Path(name), ports)), **KEYS)
        try:
            command([str(BIN / "inv"), "up"], env=env)()
            _phase(ports[0], 5.0)
            quiet, flooded = alternate(pairs, lambda: _phase(ports[0], PHASE_SECONDS), lambda: _flooded(ports[0]))
        finally:
            command([str(BIN / "inv"), "down"], env=env)()
    what = f"p99 of other clients while one sends {WRONG_A_SECOND} wrong keys a second"
    yield Row("wrong-keys", what, flooded, quiet, 1.5)


WRONG_KEYS = Group(("wrong-keys",), run)


def _phase(port: int, seconds: float) -> float:
    """Return the p99 of requests with the right key; every one of them must succeed."""
    load = Load(port, KEYS["LITELLM_MASTER_KEY"], CLIENTS)
    with load.running():
        time.sleep(seconds)
    if failed := [one.failure for one in load.requests if one.failure]:
        raise RuntimeError(f"{len(failed)} requests failed: {failed[0]}")
    return percentile(latencies(load.requests, lambda one: True), 0.99)


def _flooded(port: int) -> float:
    with _wrong_keys(port):
        return _phase(port, PHASE_SECONDS)


@contextmanager
def _wrong_keys(port: int) -> Iterator[None]:
    """Send wrong keys from another process while the body runs."""
    argv = [sys.executable, "-m", "tests.bench.wrong_keys", str(port)]
    sender = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        output, _ = sender.communicate("", timeout=30)
    sent, refused, seconds = map(float, output.split())
    if refused < sent or sent / seconds < WRONG_A_SECOND * 0.9:
        raise RuntimeError(f"{sent:g} wrong keys in {seconds:g} s, {refused:g} of them refused")


def send_until_stdin_ends(port: int) -> None:
    """Send wrong keys at a steady rate; print how many were sent, how many got 401, and the seconds."""
    import selectors

    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    began, sent, refused = time.perf_counter(), 0, 0
    while not selector.select(max(0.0, began + sent / WRONG_A_SECOND - time.perf_counter())):
        headers = {"Authorization": f"Bearer fg-wrong-{sent}", "Content-Type": "application/json"}
        body = '{"model": "router-default", "messages": []}'
        refused += pool.request("POST", "/v1/chat/completions", body=body, headers=headers).status == 401
        sent += 1
    print(sent, refused, time.perf_counter() - began)


if __name__ == "__main__":
    send_until_stdin_ends(int(sys.argv[1]))
