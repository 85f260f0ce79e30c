"""`litellm upgrade` and `litellm rollback` from end to end, with a stand-in for LiteLLM that starts at once."""

from __future__ import annotations

import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowgate.gateway import litellm_environments
from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, wait
from tests.live import stand_in_litellm
from tests.live.stand_in_litellm import NEW, OLD

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses /proc")
CLIENTS = 6
UPGRADE = ("litellm.upgrade", "--to", NEW)


@pytest.fixture
def gateway(workspace: Workspace) -> Workspace:
    """A gateway that serves from the old version."""
    stand_in_litellm.prepare(workspace).inv("up")
    assert serving(workspace) == OLD
    return workspace


def serving(workspace: Workspace) -> str:
    """Ask the stand-in behind the gateway for its version."""
    return str(answer(workspace)["version"])


def answer(workspace: Workspace) -> Any:
    """Ask the gateway a question."""
    key = (workspace.folder / ".router" / "secrets" / "litellm-master-key").read_text().strip()
    body = {"model": "router-default", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    url = f"http://127.0.0.1:{workspace.litellm_port}/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def in_force(workspace: Workspace) -> str:
    return str(workspace.json("status")["litellm"]["in_force"])


@contextmanager
def clients(workspace: Workspace, ask: Callable[[Workspace], str] = serving) -> Iterator[list[str]]:
    """Send requests all the time; give the answers, and what failed."""
    found: list[str] = []
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            try:
                found.append(ask(workspace))
            except (OSError, ValueError, urllib.error.URLError) as error:
                found.append(repr(error))

    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    for one in threads:
        one.start()
    try:
        yield found
    finally:
        over.set()
        for one in threads:
            one.join()


def test_an_upgrade_and_a_rollback_drop_no_request(gateway: Workspace) -> None:
    with clients(gateway) as answers:
        gateway.inv(*UPGRADE)
        assert wait(lambda: answers[-1:] == [NEW])
        gateway.inv("litellm.rollback")
        assert wait(lambda: answers[-1:] == [OLD])
    assert set(answers) == {OLD, NEW}


def test_what_serves_is_shown(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE)
    status = gateway.json("status")
    assert {**status["litellm"], "since": "", "bundled": ""} == {
        "serving": NEW,
        "in_force": NEW,
        "previous": OLD,
        "since": "",
        "bundled": "",
    }
    assert f"LiteLLM  {NEW} (serving" in gateway.inv("status").stdout
    assert f"LiteLLM {NEW}" in gateway.inv("profile.show").stderr
    assert f"LiteLLM {NEW} serves" in gateway.inv("explain").stderr
    events = gateway.inv("events", "--event", "litellm_version").stdout
    assert f"{NEW}, from {OLD}" in events


def test_a_second_run_changes_nothing(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE)
    before, pid = gateway.runtime / "litellm" / "in-force.json", gateway.json("status")["services"]["litellm"]["pid"]
    text = before.read_text()
    assert "~" not in gateway.inv(*UPGRADE).stderr
    assert (before.read_text(), gateway.json("status")["services"]["litellm"]["pid"]) == (text, pid)


def test_check_mode_touches_nothing(gateway: Workspace) -> None:
    before = gateway.snapshot()
    assert f"use LiteLLM {NEW}" in gateway.inv(*UPGRADE, "--dry").stderr
    after = gateway.snapshot()
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    logs = {"flowgate.log", "supervisor.log", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"}  # it serves
    assert {Path(path).name for path in changed if "/run/" not in path} <= logs
    assert serving(gateway) == OLD


def test_after_a_restart_of_everything_the_chosen_version_serves(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE)
    gateway.inv("down")
    gateway.inv("up")
    assert (serving(gateway), in_force(gateway)) == (NEW, NEW)


def test_a_version_that_does_not_become_ready_leaves_the_old_one_serving(workspace: Workspace) -> None:
    gateway = stand_in_litellm.prepare(workspace, ready=False)
    gateway.inv("up")
    gateway.edit_config(("    port: ", "    ready_timeout: 3\n    port: "))  # the old one gets longer
    with clients(gateway) as answers:
        done = gateway.inv(*UPGRADE, code=3)
    assert "the LiteLLM in force still serves" in done.stderr
    assert (set(answers), in_force(gateway)) == ({OLD}, OLD)
    assert "pending" not in (gateway.runtime / "litellm" / "in-force.json").read_text()


def test_when_nothing_runs_an_upgrade_is_recorded_for_the_next_start(workspace: Workspace) -> None:
    stand_in_litellm.prepare(workspace).inv(*UPGRADE)
    assert (in_force(workspace), workspace.services()) == (NEW, [])
    workspace.inv("up")
    assert serving(workspace) == NEW


def test_a_prepared_version_survives_other_commands_and_is_upgraded_to_later(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE, "--prepare")
    assert (serving(gateway), in_force(gateway)) == (OLD, OLD)
    gateway.inv("profile.set", "cost")
    gateway.inv(*UPGRADE)
    assert serving(gateway) == NEW


def test_a_broken_promise_refuses_the_upgrade_unless_it_is_accepted(gateway: Workspace) -> None:
    for name, retries in (("reliability", 3), ("cost", 0)):  # one profile is enough
        gateway.edit_config((f"  {name}:\n    router_settings: {{num_retries: {retries}}}\n", ""))
    stand_in_litellm.rehearsed(gateway, NEW, "healthy: answered: promised yes, observed no")
    before = gateway.json("status")["services"]["litellm"]["pid"]
    done = gateway.start(*UPGRADE, "--scenario", "healthy").wait_for_exit(240.0)
    assert done.returncode == 1, done.stderr
    assert "breaks a promise" in done.stderr
    assert "--accept-broken" in done.stderr
    assert "broken: " in done.stdout
    assert (serving(gateway), in_force(gateway)) == (OLD, OLD)
    assert gateway.json("status")["services"]["litellm"]["pid"] == before
    gateway.inv(*UPGRADE, "--scenario", "healthy", "--accept-broken")
    assert (serving(gateway), in_force(gateway)) == (NEW, NEW)


KILL, INTERRUPT = signal.SIGKILL, signal.SIGINT


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        *(("config:", KILL), ("Import it", KILL), ("Use it", KILL), ("Start a second", KILL), ("Test it", KILL)),
        *(("Let it serve", KILL), ("Import it", INTERRUPT), ("Use it", INTERRUPT), ("Start a second", INTERRUPT)),
    ],
)
def test_an_interrupted_upgrade_leaves_in_force_what_serves(
    gateway: Workspace, moment: str, number: signal.Signals
) -> None:
    with clients(gateway) as answers:
        running = gateway.start(*UPGRADE)
        running.wait_for_message(moment)
        running.signal(number)
        running.wait_for_exit()
        served = serving(gateway)
    assert set(answers) <= {OLD, NEW}
    assert in_force(gateway) == served
    gateway.inv("up")
    assert (serving(gateway), in_force(gateway)) == (served, served)
    gateway.inv(*UPGRADE)
    assert (serving(gateway), in_force(gateway)) == (NEW, NEW)


def test_a_killed_supervisor_after_an_upgrade_is_replaced_and_can_hand_back(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE)
    gateway.supervisor().kill()
    assert serving(gateway) == NEW
    gateway.inv("litellm.rollback")
    assert (serving(gateway), in_force(gateway)) == (OLD, OLD)


def test_an_environment_in_force_that_was_deleted_serves_on_and_is_reported(gateway: Workspace) -> None:
    gateway.inv(*UPGRADE)
    config = stand_in_litellm.config(gateway)
    (litellm_environments.folder(config) / NEW).rename(gateway.folder / "elsewhere")
    assert serving(gateway) == NEW
    assert "is missing or not complete" in gateway.inv("up", code=3).stderr
    assert "is missing or not complete" in gateway.inv("doctor", code=1).stdout
    gateway.inv("litellm.rollback")
    assert serving(gateway) == OLD


@pytest.mark.live
def test_the_real_litellm_moves_to_another_environment_and_back(workspace: Workspace) -> None:
    workspace.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    stand_in_litellm.create(workspace, NEW, real=True)
    stand_in_litellm.rehearsed(workspace, NEW)
    workspace.inv("play", "upgrade-litellm", "-e", f"version={NEW}", "-e", "prepare_only=true")
    workspace.inv("up")
    with clients(workspace, lambda place: str(answer(place)["object"])) as answers:
        workspace.inv(*UPGRADE)
        assert in_force(workspace) == NEW
        workspace.inv("litellm.rollback")
    assert set(answers) == {"chat.completion"}
    assert workspace.json("status")["litellm"]["previous"] == NEW
