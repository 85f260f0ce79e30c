"""`run` with the real LiteLLM: it serves, hands over, and stops in order."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, wait
from tests.test_watch import CHANGED, Clients, write

pytestmark = pytest.mark.live
START_SECONDS = 120.0


def test_it_serves_reloads_and_stops(workspace: Workspace) -> None:
    workspace.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    running = workspace.start("run", "--profile", "cost", real=True)
    running.wait_for_message("Prune", START_SECONDS)
    assert workspace.inv("ask", "hello").stdout
    running.signal(signal.SIGHUP)
    assert wait(lambda: running.stderr().count("= Prune") + running.stderr().count("~ Prune") == 2, START_SECONDS)
    assert workspace.json("status")["services"]["litellm"]["generation"] == 2
    assert workspace.inv("ask", "hello").stdout
    running.signal(signal.SIGTERM)
    assert running.wait_for_exit(60).returncode == 0
    assert workspace.nothing_runs()


def test_a_watched_change_is_handed_over_without_a_failed_request(workspace: Workspace) -> None:
    workspace.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    running = workspace.start("run", "--watch", "--profile", "cost", real=True)
    running.wait_for_message("Prune", START_SECONDS)
    key = Path(workspace.inv("key.path").stdout.strip()).read_text().strip()
    with Clients(workspace.litellm_port, key) as clients:
        write(workspace, CHANGED)
        running.wait_for_message("config: ok", START_SECONDS)
    assert clients.answers > 10
    assert clients.failures == []
    running.signal(signal.SIGTERM)
    assert running.wait_for_exit(60).returncode == 0
