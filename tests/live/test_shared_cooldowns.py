"""Two workers of the real LiteLLM with a real Redis server: shared cooldowns; the server full, slow, hanging, away."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, free_port, wait
from tests.live.conftest import CANARY, Gateway, Vendor, running

pytestmark = pytest.mark.live
REDIS = shutil.which("redis-server")
MODELS = ("shared", "full", "slow", "hanging", "away")  # one for each test: a model in cooldown needs no Redis server
DEPLOYMENT = """\
    - model_name: {model}
      litellm_params: {{model: openai/{model}, api_base: "http://127.0.0.1:{vendor}/v1", api_key: none}}
"""
LIMIT = 5  # requests a minute
LIMITED = """\
    - model_name: limited
      litellm_params: {{model: openai/limited, api_base: "http://127.0.0.1:{vendor}/v1", api_key: none, rpm: 5}}
"""
PROFILE = """\
profiles:
  shared:
    router_settings:
      redis_host: 127.0.0.1
      redis_port: {redis}
      num_retries: 0
      allowed_fails: 1
      cooldown_time: 60
      optional_pre_call_checks: [enforce_model_rate_limits]
      fallbacks: [{fallbacks}]
"""
PROMISED = 3  # the second failed request starts the cooldown, and the other worker may not know of it yet
ALONE = 4  # each of two workers counts by itself


@dataclass
class SlowProxy:
    """A TCP proxy in front of the Redis server that holds back its answers.

    Attributes:
        target: The server's port.
        delay: Seconds for which an answer is held back.
    """

    target: int
    delay: float = 0.0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 60)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        threading.Thread(target=self._forward, args=(client, server, False), daemon=True).start()
        self._forward(server, client, True)

    def _forward(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65_536):
                time.sleep(self.delay if answers else 0.0)
                sink.sendall(block)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # ends the thread of the other direction
        source.close()


@dataclass
class Pair:
    """A gateway of two workers and its Redis server."""

    gateway: Gateway
    redis: subprocess.Popen[bytes]
    proxy: SlowProxy

    def command(self, *words: str) -> None:
        """Send the Redis server a command."""
        request = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.proxy.target), 5) as connection:
            connection.sendall(f"*{len(words)}\r\n{request}".encode())
            assert connection.recv(64).startswith(b"+OK")

    def said(self) -> str:
        """Return what `inv health` tells people."""
        return self.gateway.workspace.inv("health").stderr


def start_redis(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a Redis server that keeps nothing on disk."""
    argv = [str(REDIS), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert wait(answers)
    return process


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[Pair]:
    """A gateway of two workers, and its Redis server."""
    if REDIS is None:
        pytest.skip("redis-server is not installed (Debian: redis-server)")
    place, port = Workspace(tmp_path_factory.mktemp("shared"), variables={"CANARY_KEY": CANARY}), free_port()
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    proxy = SlowProxy(port)
    deployments = "".join(DEPLOYMENT.format(model=model, vendor=vendor.port) for model in MODELS)
    deployments += LIMITED.format(vendor=vendor.port)
    fallbacks = ", ".join(f"{{{model}: [router-cheap]}}" for model in MODELS)
    profile = PROFILE.format(redis=proxy.port, fallbacks=fallbacks)
    place.edit_config(("  litellm:\n", "  litellm:\n    workers: 2\n"), ("profiles:\n", deployments + profile))
    redis = start_redis(place.folder, port)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        with running(place, "shared") as started:
            try:
                yield Pair(started, redis, proxy)
            finally:
                redis.kill()
                redis.wait()
    finally:
        redis.kill()
        with contextlib.suppress(OSError):
            proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        vendor.set_faults({})


def ask(pair: Pair, vendor: Vendor, model: str, count: int) -> int:
    """Ask a dead model over new connections, one after another; return how often its vendor was asked."""
    vendor.reset()
    vendor.set_faults({model: {"status": 500}})
    key = pair.gateway.key()
    assert [pair.gateway.chat(key, model)[0] for _ in range(count)] == [200] * count
    return sum(one["model"] == model for one in vendor.requests())


def test_the_profile_says_that_cooldowns_are_shared(pair: Pair) -> None:
    said = pair.gateway.workspace.inv("profile.show", "shared").stdout
    assert "2 workers share failures and cooldowns in the Redis server" in said
    assert f"closer ones after up to {PROMISED}" in said


def test_a_cooldown_of_one_worker_is_one_of_all(pair: Pair, vendor: Vendor) -> None:
    assert 2 <= ask(pair, vendor, "shared", 24) <= PROMISED
    assert "Redis" not in pair.said()


def test_a_limit_of_requests_per_minute_holds_for_all_workers(pair: Pair, vendor: Vendor) -> None:
    vendor.reset()
    key = pair.gateway.key()
    answered = sum(pair.gateway.chat(key, "limited")[0] == 200 for _ in range(16))
    assert LIMIT <= answered <= 2 * LIMIT  # twice, if a minute of the clock ended meanwhile
    assert sum(one["model"] == "limited" for one in vendor.requests()) == answered


def test_a_full_server_does_not_stop_requests(pair: Pair, vendor: Vendor) -> None:
    pair.command("CONFIG", "SET", "maxmemory", "1")  # it evicts nothing by default: every write fails
    try:
        assert 2 <= ask(pair, vendor, "full", 16) <= ALONE
        assert "is full" in pair.said()
    finally:
        pair.command("CONFIG", "SET", "maxmemory", "0")


def test_a_slow_server_does_not_stop_requests(pair: Pair, vendor: Vendor) -> None:
    pair.proxy.delay = 0.3
    try:
        began = time.monotonic()
        assert 2 <= ask(pair, vendor, "slow", 12) <= ALONE
        assert time.monotonic() - began < 120.0
        assert "is slow" in pair.said()
    finally:
        pair.proxy.delay = 0.0


def test_a_server_that_hangs_does_not_hold_up_requests(pair: Pair, vendor: Vendor) -> None:
    pair.redis.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert 2 <= ask(pair, vendor, "hanging", 6) <= ALONE
        assert time.monotonic() - began < 60.0  # without bounds one of them takes more than 30 s
        assert "does not answer" in pair.said()
    finally:
        pair.redis.send_signal(signal.SIGCONT)


def test_without_the_server_requests_go_on(pair: Pair, vendor: Vendor) -> None:
    pair.redis.kill()
    pair.redis.wait()
    assert 2 <= ask(pair, vendor, "away", 12) <= ALONE
    assert "does not answer" in pair.said()
