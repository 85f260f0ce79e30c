"""The real LiteLLM with two workers: switches under load, and a worker that is killed under load."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, wait
from tests.live.conftest import CANARY, Gateway, running

pytestmark = pytest.mark.live
CLIENTS, SWITCHES = 24, 5


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The real stack with two workers of LiteLLM: started once, stopped by pid also when tests fail."""
    place = Workspace(tmp_path_factory.mktemp("pair"), variables={"CANARY_KEY": CANARY})
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    place.edit_config(("  litellm:\n", "  litellm:\n    workers: 2\n"))
    with running(place) as started:
        yield started


def workers(gateway: Gateway) -> dict[int, str]:
    """Return pid and phase of the workers of the newest generation."""
    generation = gateway.workspace.json("status")["services"]["litellm"]["generations"][-1]
    return {one["pid"]: one["phase"] for one in generation["workers"]}


@contextmanager
def load(gateway: Gateway, clients: int) -> Iterator[list[int]]:
    """Send chat requests from several clients; what they got is complete after the context."""
    ended, statuses, key = threading.Event(), [], gateway.key()

    def run() -> None:
        while not ended.is_set():
            try:
                statuses.append(gateway.chat(key)[0])
            except OSError:  # the connection was cut
                statuses.append(0)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for one in threads:
        one.start()
    try:
        yield statuses
    finally:
        ended.set()
        for one in threads:
            one.join()


def test_no_request_fails_while_two_workers_are_switched(pair: Gateway) -> None:
    with load(pair, CLIENTS) as statuses:
        for number in range(SWITCHES):
            pair.workspace.inv("profile.set", ("cost", "balanced")[number % 2])
    assert len(statuses) > CLIENTS
    assert set(statuses) == {200}
    assert list(workers(pair).values()) == ["serving"] * 2


def test_a_killed_worker_loses_only_its_own_requests_and_is_back_soon(pair: Gateway) -> None:
    killed, other = workers(pair)
    with load(pair, 8) as statuses:
        assert wait(lambda: len(statuses) > 16, 60)
        os.kill(killed, signal.SIGKILL)
        assert wait(lambda: _is_back(pair, killed))
        seen = len(statuses)
        assert wait(lambda: len(statuses) > seen + 16, 60)
    assert sum(one != 200 for one in statuses) <= 8
    assert other in workers(pair)


def _is_back(gateway: Gateway, killed: int) -> bool:
    found = workers(gateway)
    return killed not in found and list(found.values()) == ["serving"] * 2
