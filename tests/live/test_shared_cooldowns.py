"""Two workers of the real LiteLLM with a real Redis server: they share a cooldown, and serve on without the server."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, free_port, wait
from tests.live.conftest import CANARY, Gateway, Vendor, running

pytestmark = pytest.mark.live
REDIS = shutil.which("redis-server")
MODEL = "shared"
MODELS = """\
    - model_name: shared
      litellm_params: {{model: openai/shared, api_base: "http://127.0.0.1:{vendor}/v1", api_key: none}}
profiles:
  shared:
    router_settings:
      redis_host: 127.0.0.1
      redis_port: {redis}
      num_retries: 0
      allowed_fails: 1
      cooldown_time: 60
      fallbacks: [{{shared: [router-cheap]}}]
"""
PROMISED = 3  # the second failed request starts the cooldown, and the other worker may not know of it yet


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
def pair(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[tuple[Gateway, subprocess.Popen[bytes]]]:
    """A gateway of two workers, and its Redis server."""
    if REDIS is None:
        pytest.skip("redis-server is not installed (Debian: redis-server)")
    place, port = Workspace(tmp_path_factory.mktemp("shared"), variables={"CANARY_KEY": CANARY}), free_port()
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    models = MODELS.format(vendor=vendor.port, redis=port)
    place.edit_config(("  litellm:\n", "  litellm:\n    workers: 2\n"), ("profiles:\n", models))
    redis = start_redis(place.folder, port)
    try:
        with running(place, "shared") as started:
            yield started, redis
    finally:
        redis.kill()
        redis.wait()
        vendor.set_faults({})


def ask(gateway: Gateway, count: int) -> list[int]:
    """Ask the model over new connections, one after another; return the statuses."""
    key = gateway.key()
    return [gateway.chat(key, MODEL)[0] for _ in range(count)]


def attempts(vendor: Vendor) -> int:
    """Return how often the vendor was asked."""
    return sum(one["model"] == MODEL for one in vendor.requests())


def test_the_profile_says_that_cooldowns_are_shared(pair: tuple[Gateway, subprocess.Popen[bytes]]) -> None:
    said = pair[0].workspace.inv("profile.show", "shared").stdout
    assert "2 workers share failures and cooldowns in the Redis server" in said
    assert f"it may take {PROMISED} failed requests" in said


def test_a_cooldown_of_one_worker_is_one_of_all(pair: tuple[Gateway, subprocess.Popen[bytes]], vendor: Vendor) -> None:
    vendor.reset()
    vendor.set_faults({MODEL: {"status": 500}})
    assert ask(pair[0], 24) == [200] * 24
    assert 2 <= attempts(vendor) <= PROMISED


def test_a_server_that_hangs_does_not_hold_up_requests(
    pair: tuple[Gateway, subprocess.Popen[bytes]], vendor: Vendor
) -> None:
    gateway, redis = pair
    vendor.set_faults({MODEL: {"status": 500}})
    redis.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert ask(gateway, 6) == [200] * 6
        assert time.monotonic() - began < 20.0  # without bounds one of them takes more than 30 s
        assert "does not answer" in gateway.workspace.inv("health").stderr
    finally:
        redis.send_signal(signal.SIGCONT)


def test_without_the_server_requests_go_on(pair: tuple[Gateway, subprocess.Popen[bytes]], vendor: Vendor) -> None:
    gateway, redis = pair
    redis.kill()
    redis.wait()
    vendor.set_faults({MODEL: {"status": 500}})
    assert ask(gateway, 12) == [200] * 12
    assert "nothing listens there" in gateway.workspace.inv("health").stderr
