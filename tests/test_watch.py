"""`run --watch`: a changed config is applied, a refused one is said, and the old one serves on."""

from __future__ import annotations

import json
import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Running, Workspace, wait
from tests.live import stand_in_litellm

SECONDS = 120.0
COST = "cost:\n    router_settings: {num_retries: 0}"
CHANGED = (COST, "cost:\n    router_settings: {num_retries: 5}")
WRONG = ("profiles:", "profilez:")


def watch(workspace: Workspace, *words: str) -> Running:
    """Start a gateway that serves the profile `cost`, and wait until it does."""
    running = workspace.start(*(words or ("run", "--watch", "--profile", "cost")), real=True)
    running.wait_for_message("Prune", SECONDS)
    return running


def end(running: Running) -> None:
    running.signal(signal.SIGTERM)
    assert running.wait_for_exit().returncode == 0


@pytest.fixture
def watching(workspace: Workspace) -> Iterator[Running]:
    """A gateway that watches its config."""
    running = watch(workspace)
    yield running
    end(running)


def events(workspace: Workspace) -> list[dict[str, str]]:
    lines = (workspace.runtime / "events.log").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["event"] == "config_reload"]


def generation(workspace: Workspace) -> int:
    return int(workspace.json("status")["services"]["litellm"]["generation"])


def has_applied(workspace: Workspace, words: str = "num_retries: 5") -> bool:
    """Return whether the rendered config contains these words within a minute."""
    return bool(wait(lambda: words in (workspace.runtime / "litellm.active.yaml").read_text(), 60.0))


def write(workspace: Workspace, *changes: tuple[str, str]) -> None:
    """Replace the config as an editor does: by a new file."""
    text = workspace.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    temp = workspace.config.with_name("flowgate.new")
    temp.write_text(text)
    temp.replace(workspace.config)


READING = (
    *("usage", "explain", "cooldowns", "quota", "audit", "events", "budgets", "service logs litellm", "top --once"),
    *("auth list", "auth status", "client list", "key path", "ask hi", "litellm list --offline"),
)
CHANGING = (
    *("cooldowns --clear router-default", "profile set cost", "service reload", "service restart", "up", "smoke"),
    *("client add me", "auth login codex", "rehearse", "profile show"),
)


def many(workspace: Workspace, *commands: str) -> tuple[list[int], str]:
    """Run commands in forks of one process; return their exit codes and what they said."""
    program = (sys.executable, "-m", "tests.many_commands")
    lines = json.dumps([one.split() for one in commands])
    done = workspace.start(str(workspace.folder), lines, program=program).wait_for_exit(120.0)
    return [code for code, _ in json.loads(done.stdout)], done.stderr


class Clients:
    """Clients that ask all the time."""

    def __init__(self, port: int, key: str, number: int = 4) -> None:
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        self.answers, self.failures, self._stop = 0, list[str](), threading.Event()
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def _ask(self) -> None:
        body = json.dumps({"model": "router-default", "messages": [{"role": "user", "content": "hi"}]}).encode()
        while not self._stop.is_set():
            request = urllib.request.Request(self._url, body, self._headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
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


def refused(workspace: Workspace) -> str:
    """Return why the config is refused; empty if it is not."""
    found = workspace.json("health")["config_refused"]
    return str(found["reason"]) if found else ""


def test_a_change_is_applied_without_a_failed_request(workspace: Workspace) -> None:
    running = watch(stand_in_litellm.prepare(workspace))
    before = generation(workspace)
    key = Path(workspace.inv("key.path").stdout.strip()).read_text().strip()
    with Clients(workspace.litellm_port, key) as clients:
        write(workspace, CHANGED)
        running.wait_for_message("config: ok", SECONDS)
    assert has_applied(workspace)
    assert generation(workspace) == before + 1
    assert clients.answers > 10
    assert clients.failures == []
    end(running)


def test_a_refused_config_is_said_until_a_good_one_comes(workspace: Workspace, watching: Running) -> None:
    before = generation(workspace)
    write(workspace, WRONG)
    watching.wait_for_message("config: refused", SECONDS)
    assert "'profilez' (" in refused(workspace)
    assert "flowgate.yaml:29" in refused(workspace)
    assert workspace.json("health")["ok"]
    assert "flowgate.yaml:29" in workspace.inv("status").stderr
    codes, said = many(workspace, *READING)
    assert codes == [0] * len(READING)
    assert said.count("warning: the config is wrong, this goes by the one that serves: ") == len(READING)
    found = {one["check"]: one["status"] for one in workspace.json("doctor", code=1)["findings"]}
    assert (found["config"], "folders" in found) == ("fail", True)
    codes, said = many(workspace, *CHANGING)
    assert codes == [2] * len(CHANGING)
    assert said.count("flowgate.yaml has 2 errors") == len(CHANGING)
    assert generation(workspace) == before
    write(workspace, (WRONG[1], WRONG[0]))
    watching.wait_for_message("config: ok", SECONDS)
    assert not refused(workspace)
    assert [one["result"] for one in events(workspace)] == ["refused", "ok"]


def test_a_change_that_needs_a_restart_is_refused(workspace: Workspace, watching: Running) -> None:
    write(workspace, ("runtime_dir: .router/runtime", "runtime_dir: .router/other"))
    watching.wait_for_message("config: refused", SECONDS)
    assert "'paths.runtime_dir' has changed from" in refused(workspace)
    assert "flowgate.yaml:3), and 2 more errors" in refused(workspace)
    assert workspace.json("status")["supervisor"] == watching.process.pid


def test_a_config_that_vanishes_is_said_and_comes_back(workspace: Workspace, watching: Running) -> None:
    away = workspace.config.rename(workspace.folder / "away.yaml")
    watching.wait_for_message("config: refused", SECONDS)
    assert "flowgate.yaml does not exist" in refused(workspace)
    away.rename(workspace.config)
    watching.wait_for_message("config: ok", SECONDS)
    assert not refused(workspace)


def test_an_included_file_that_is_missing_and_then_comes(workspace: Workspace, watching: Running) -> None:
    write(workspace, ("litellm_base:\n", "litellm_base:\n  include: [more.yaml]\n"))
    watching.wait_for_message("config: refused", SECONDS)
    assert "more.yaml does not exist" in refused(workspace)
    (workspace.folder / "more.yaml").write_text("general_settings: {max_parallel_requests: 77}\n")
    assert has_applied(workspace, "max_parallel_requests: 77")
    (workspace.folder / "more.yaml").write_text("general_settings: {max_parallel_requests: 78}\n")
    assert has_applied(workspace, "max_parallel_requests: 78")


def test_the_profile_stays_unless_it_is_gone(workspace: Workspace, watching: Running) -> None:
    workspace.inv("profile.set", "reliability")
    write(workspace, CHANGED)
    watching.wait_for_message("config: ok", SECONDS)
    assert workspace.json("status")["profile"]["name"] == "reliability"
    write(workspace, ("  reliability:", "  thorough:"))
    watching.wait_for_message("config: ok: profile reliability is not in the config any more; balanced", SECONDS)
    assert workspace.json("status")["profile"]["name"] == "balanced"


def test_changes_during_a_reload_are_applied_together_afterwards(workspace: Workspace, watching: Running) -> None:
    before = generation(workspace)
    workspace.set_behaviour(litellm={"ready": False})  # the reload goes on until all is written
    write(workspace, CHANGED)
    assert wait(lambda: watching.stderr().count("Render cost") == 2, SECONDS)
    for number in range(6, 10):
        write(workspace, (f"num_retries: {number - 1}", f"num_retries: {number}"))
    workspace.set_behaviour()
    assert has_applied(workspace, "num_retries: 9")
    assert wait(lambda: watching.stderr().count("config: ok") == 2, SECONDS)
    assert generation(workspace) == before + 2


def test_without_watch_a_change_waits_for_a_signal(workspace: Workspace) -> None:
    running = watch(workspace, "run", "--profile", "cost")
    write(workspace, WRONG)
    assert "profilez" in refused(workspace)
    write(workspace, (WRONG[1], WRONG[0]), CHANGED)
    assert not refused(workspace)
    running.signal(signal.SIGHUP)
    assert has_applied(workspace)
    end(running)
