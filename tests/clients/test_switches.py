"""Real clients ask while profiles are switched and the gateway is restarted: none of them sees an error."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from tests.clients.catalogue import CLIENTS
from tests.clients.conftest import Clients
from tests.clients.installs import why_missing
from tests.clients.ways import Client
from tests.conftest import wait

pytestmark = [pytest.mark.live, pytest.mark.clients]

SWITCHES = ("cost", "balanced", "reliability", "cost", "balanced")
AT_ONCE = 4
SLOW = "Say hello (take 4 s)"


def _asking(
    clients: Clients, turns: Iterator[Client], wanted: int, asked: set[str], done: threading.Event
) -> Iterator[tuple[Client, subprocess.CompletedProcess[str]]]:
    """Run one client after the other until all of them have asked and the switches are over."""
    while not done.is_set() or len(asked) < wanted:
        client = next(turns)
        asked.add(client.name)
        yield client, clients.finished(client, "stream", SLOW)[0]


def test_nobody_sees_an_error_during_five_switches_and_a_restart(clients: Clients) -> None:
    present = [one for one in CLIENTS if not why_missing(one.install)]
    if not present:
        pytest.skip("no client can be installed here")
    place, done, asked, turns = clients.gateway.workspace, threading.Event(), set[str](), cycle(present)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [
            pool.submit(lambda: list(_asking(clients, turns, len(present), asked, done))) for _ in range(AT_ONCE)
        ]
        try:
            for number, words in enumerate((*(("profile.set", one) for one in SWITCHES), ("service.restart",))):
                started = number * len(present) // (len(SWITCHES) + 1)
                assert wait(lambda: len(asked) > started, 120.0)  # noqa: B023 - it is called here only
                place.inv(*words)
        finally:
            done.set()
        runs = [run for one in running for run in one.result()]
    failed = [f"{client.name}: {run.stdout[-300:]}{run.stderr[-300:]}" for client, run in runs if run.returncode]
    assert failed == []
    assert {client.name for client, _ in runs} == {one.name for one in present}
    clients.note_switches(len(runs), len(present), len(SWITCHES))
