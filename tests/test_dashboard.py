"""`inv dashboard` as a command: one process under the supervisor, started on demand, and a new link each time."""

from __future__ import annotations

import json
import time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from flowgate.system import sockets
from tests.conftest import CompletedCommand, Workspace, wait
from tests.unit.ledger.conftest import entry, record

SECRETS = ("UPSTREAM_API_KEY", "OTHER_API_KEY")
CANARY = "sk-canary-of-the-environment-0123456789"
MOST_BYTES = 60_000_000


def open_link(link: str) -> requests.Session:
    """Open a link as a browser does."""
    browser = requests.Session()
    browser.trust_env = False
    assert browser.get(link, timeout=60).status_code == 200
    return browser


def test_a_second_command_gives_a_new_link_to_the_same_process(workspace: Workspace) -> None:
    first, second = workspace.json("dashboard"), workspace.json("dashboard")
    assert (first["started"], second["started"], first["port"]) == (True, False, second["port"])
    assert first["link"] != second["link"]
    for link in (first["link"], second["link"]):
        open_link(link)
        assert requests.get(link, timeout=60).status_code == 403


def test_commands_at_once_start_one_process(workspace: Workspace) -> None:
    running = [workspace.start("dashboard", "--json", real=True) for _ in range(3)]
    links = [json.loads(one.wait_for_exit().stdout) for one in running]
    assert len({one["port"] for one in links}) == 1
    assert len(workspace.services()) == 1


@pytest.mark.parametrize("words", [("dashboard", "--stop"), ("down",)])
def test_it_ends_and_leaves_nothing(workspace: Workspace, words: tuple[str, ...]) -> None:
    workspace.inv("dashboard")
    workspace.inv(*words)
    assert workspace.nothing_runs()
    assert list((workspace.runtime / "run").iterdir()) == []
    assert "does not run" in workspace.inv("dashboard", "--stop").stderr


def test_its_button_ends_it_and_the_supervisor_with_it(workspace: Workspace) -> None:
    link = workspace.json("dashboard")["link"]
    address = link.partition("/open")[0]
    browser = open_link(link)
    token = browser.get(address + "/events", timeout=60).text.partition('name="csrf" content="')[2].partition('"')[0]
    assert browser.post(address + "/stop", headers={"origin": address, "x-csrf-token": token}, timeout=60).ok
    assert wait(workspace.nothing_runs)


def test_it_is_small_and_shows_no_secret(workspace: Workspace) -> None:
    workspace.variables |= dict.fromkeys(SECRETS, CANARY)
    made = workspace.json("dashboard")
    address, browser = made["link"].partition("/open")[0], open_link(made["link"])
    paths = ("/", "/requests", "/usage", "/accounts", "/reports", "/events", "/acts/switch?value=cost", "/")
    pages = [browser.get(address + path, timeout=60) for path in paths]
    assert [one.status_code for one in pages] == [200] * len(paths)
    kept = "".join(one.read_text() for one in workspace.runtime.rglob("*.log"))
    assert CANARY not in "".join(one.text for one in pages) + kept
    assert workspace.json("status")["services"]["dashboard"]["memory_bytes"] <= MOST_BYTES


def scrape(address: str) -> dict[tuple[str, ...], float]:
    """Read the metrics as Prometheus does: without a session."""
    text = requests.get(address, timeout=60).text
    assert CANARY not in text
    found = [one for family in text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, *(f"{name}={one.labels[name]}" for name in sorted(one.labels))): one.value for one in found}


def test_metrics_are_the_figures_of_the_commands(workspace: Workspace) -> None:
    workspace.variables |= dict.fromkeys(SECRETS, CANARY)
    workspace.inv("up")
    made = workspace.json("dashboard", "--keep")
    now = time.time()
    failed = entry(at=now, status=503, error="server error", cost=None, prompt_tokens=None)
    record(workspace.runtime / "ledger.sqlite", entry(at=now), entry(at=now, client="aider"), failed, now=now)
    found, usage = scrape(made["metrics"]), workspace.json("usage")["total"]
    totals = {name: sum(value for key, value in found.items() if key[0] == name) for name in {key[0] for key in found}}
    assert totals["flowgate_requests_total"] == usage["requests"] == 3
    assert totals["flowgate_request_failures_total"] == usage["failures"] == 1
    assert totals["flowgate_cost_usd_total"] == usage["cost_usd"] == 0.5
    assert found["flowgate_service_up", "service=litellm"] == 1
    assert workspace.json("status")["services"]["dashboard"]["memory_bytes"] <= MOST_BYTES


def test_a_kept_dashboard_comes_back_after_a_crash(workspace: Workspace) -> None:
    made = workspace.json("dashboard", "--keep")
    workspace.services()[0].kill()
    assert wait(lambda: answers(made["metrics"]))
    assert workspace.json("dashboard")["kept"]


def answers(address: str) -> bool:
    """Return whether there is an answer now."""
    try:
        return requests.get(address, timeout=60).ok
    except requests.RequestException:
        return False


def test_one_that_runs_already_is_not_kept_in_silence(workspace: Workspace) -> None:
    assert workspace.json("dashboard")["kept"] is False
    assert "--stop" in refusal(workspace, "--keep", code=3).stderr


def refusal(workspace: Workspace, *words: str, code: int) -> CompletedCommand:
    """Run the command, which must be refused."""
    return workspace.inv("dashboard", *words, code=code)


def test_a_port_in_use_is_said(workspace: Workspace) -> None:
    with sockets.listen("127.0.0.1", workspace.litellm_port):
        assert "is in use" in refusal(workspace, "--port", str(workspace.litellm_port), code=3).stderr
    assert workspace.nothing_runs()


def test_another_port_than_that_of_the_running_one_is_refused(workspace: Workspace) -> None:
    port = workspace.json("dashboard", "--port", str(workspace.litellm_port))["port"]
    assert port == workspace.litellm_port
    assert "--stop" in refusal(workspace, "--port", str(workspace.upstream_port), code=3).stderr


@pytest.mark.parametrize("port", ["-1", "65536", "x", "4000.0", ""])
def test_a_wrong_port_is_refused(workspace: Workspace, port: str) -> None:
    assert "port" in refusal(workspace, f"--port={port}", code=2).stderr
    assert workspace.nothing_runs()
