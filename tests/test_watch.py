"""`run --watch`: a changed config is applied, a refused one is said, and the old one serves on."""

from __future__ import annotations

import json
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Running, Workspace, wait

SECONDS = 120.0
COST = "cost:\n    router_settings: {num_retries: 0}"
CHANGED = (COST, "cost:\n    router_settings: {num_retries: 5}")
WRONG = ("profiles:", "profilez:")


@pytest.fixture
def watching(workspace: Workspace) -> Iterator[Running]:
    """A gateway that serves the profile `cost` and watches its config."""
    running = workspace.start("run", "--watch", "--profile", "cost")
    running.wait_for_message("Prune", SECONDS)
    yield running
    running.signal(signal.SIGTERM)
    assert running.wait_for_exit().returncode == 0


def generation(workspace: Workspace) -> int:
    return int(workspace.json("status")["services"]["litellm"]["generation"])


def applied(workspace: Workspace, words: str = "num_retries: 5") -> bool:
    return wait(lambda: words in (workspace.runtime / "litellm.active.yaml").read_text(), 30.0)


def write(workspace: Workspace, *changes: tuple[str, str]) -> None:
    """Replace the config as an editor does: by a new file."""
    text = workspace.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    temp = workspace.config.with_name("flowgate.new")
    temp.write_text(text)
    temp.replace(workspace.config)


class Clients:
    """Clients that ask all the time."""

    def __init__(self, port: int, number: int = 4) -> None:
        self.answers, self.failures, self._stop = 0, list[str](), threading.Event()
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def _ask(self) -> None:
        body = json.dumps({"model": "router-default", "messages": [{"role": "user", "content": "hi"}]}).encode()
        while not self._stop.is_set():
            request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    answer.read()
                self.answers += 1
            except OSError as error:
                self.failures.append(str(error))

    def __enter__(self) -> Clients:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._threads:
            one.join()


def test_a_change_is_applied_without_a_failed_request(workspace: Workspace, watching: Running) -> None:
    before = generation(workspace)
    with Clients(workspace.litellm_port) as clients:
        write(workspace, CHANGED)
        watching.wait_for_message("config: ok", SECONDS)
    assert applied(workspace)
    assert generation(workspace) == before + 1
    assert clients.answers > 10
    assert clients.failures == []


def test_a_refused_config_is_said_until_a_good_one_comes(workspace: Workspace, watching: Running) -> None:
    before = generation(workspace)
    write(workspace, WRONG)
    watching.wait_for_message("config: refused", SECONDS)
    health = workspace.json("health")
    assert health["ok"]
    assert "profilez" in health["config_refused"]["reason"]
    assert "flowgate.yaml:26" in health["config_refused"]["reason"]
    assert "profilez" in workspace.inv("status").stderr
    assert generation(workspace) == before
    write(workspace, (WRONG[1], WRONG[0]))
    watching.wait_for_message("config: ok", SECONDS)
    assert workspace.json("health")["config_refused"] is None
