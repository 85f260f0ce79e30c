"""Profile switches of the real LiteLLM: forked generations, an invalid profile, killed processes."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.status_document import ForkServerStatus, StatusDocument
from tests.conftest import wait

if TYPE_CHECKING:
    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
INVALID = """\
profiles:
  strange:
    model_list:
      - model_name: router-default
        litellm_params: {{model: openai/strange, api_base: "http://127.0.0.1:{port}/v1", api_key: k}}
    router_settings:
      routing_strategy: latency-based-routing
      routing_strategy_args: {{ttl: fastest}}
"""


def supervisor_status(gateway: Gateway) -> StatusDocument:
    workspace = gateway.workspace
    with closing(SupervisorClient(workspace.runtime, workspace.folder / "supervisor.log")) as supervisor:
        return supervisor.status()


def fork_servers(gateway: Gateway) -> list[ForkServerStatus]:
    return supervisor_status(gateway)["fork_servers"]


def other_profile(gateway: Gateway) -> str:
    return "cost" if gateway.workspace.json("status")["profile"]["name"] != "cost" else "balanced"


def test_a_switch_forks_its_generation(gateway: Gateway) -> None:
    (fork_server,) = fork_servers(gateway)
    gateway.workspace.inv("profile.set", other_profile(gateway))
    assert fork_servers(gateway)[0]["pid"] == fork_server["pid"]
    log = (gateway.workspace.folder / ".router" / "logs" / "flowgate.log").read_text()
    number = gateway.workspace.json("status")["services"]["litellm"]["generation"]
    assert f"litellm {number}: forked as process" in log


def test_a_killed_fork_server_fails_no_request_and_the_next_switch_works(gateway: Gateway) -> None:
    before, key = supervisor_status(gateway), gateway.key()
    old = before["fork_servers"][0]["pid"]
    os.kill(old, signal.SIGKILL)
    assert gateway.chat(key)[0] == 200
    assert wait(lambda: [(one["pid"] != old, one["state"]) for one in fork_servers(gateway)] == [(True, "ready")], 40)
    statuses = (before, supervisor_status(gateway))
    numbers = [[one["number"] for one in status["services"]["litellm"]["generations"]] for status in statuses]
    assert numbers[0][-1:] == numbers[1]
    gateway.workspace.inv("profile.set", other_profile(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_supervisor_fails_no_request_and_the_next_command_takes_over(gateway: Gateway) -> None:
    before, key = supervisor_status(gateway), gateway.key()
    assert before["supervisor"]
    os.kill(before["supervisor"], signal.SIGKILL)
    assert [gateway.chat(key)[0] for _ in range(3)] == [200, 200, 200]
    after = gateway.workspace.json("status")
    assert after["supervisor"] not in (None, before["supervisor"])
    for name, service in before["services"].items():
        serving = [one["pid"] for one in service["generations"] if one["phase"] == "serving"]
        assert [after["services"][name]["pid"]] == serving
    assert wait(lambda: [one["state"] for one in fork_servers(gateway)] == ["ready"], 40)
    gateway.workspace.inv("profile.set", other_profile(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_generation_is_respawned_and_requests_wait(gateway: Gateway) -> None:
    before, key = gateway.workspace.json("status")["services"]["litellm"], gateway.key()
    os.kill(before["pid"], signal.SIGKILL)
    assert gateway.chat(key)[0] == 200  # meanwhile it waits in the socket's queue
    assert gateway.workspace.json("status")["services"]["litellm"]["restarts"] > before["restarts"]


def test_cliproxyapi_plus_restarts_without_cutting_a_stream(gateway: Gateway) -> None:
    key = gateway.key()
    before = gateway.workspace.json("status")["services"]["cliproxyapi_plus"]["pid"]
    messages = [{"role": "user", "content": "hello (take 2 s)"}]
    body = {"model": "router-default", "messages": messages, "stream": True}
    with gateway.open("/v1/chat/completions", body, key=key) as response:
        assert response.readline().startswith(b"data: ")
        message = gateway.workspace.inv("service.restart", "--service", "cliproxyapi_plus").stderr
        assert response.read().rstrip().endswith(b"data: [DONE]")
    assert "holding new requests" in message
    assert gateway.workspace.json("status")["services"]["cliproxyapi_plus"]["pid"] != before
    assert gateway.chat(key)[0] == 200


def test_a_profile_that_litellm_rejects_is_reported_with_its_line_and_changes_nothing(gateway: Gateway) -> None:
    before = gateway.workspace.json("status")
    upstream_config = gateway.workspace.runtime / "cliproxyapi.yaml"
    written = upstream_config.read_text()
    invalid = INVALID.format(port=gateway.workspace.upstream_port)
    gateway.workspace.edit_config(("profiles:\n", invalid))
    try:
        message = gateway.workspace.inv("profile.set", "strange", code=3).stderr
        lines = gateway.workspace.config.read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if "ttl: fastest" in text)
    finally:
        gateway.workspace.edit_config((invalid, "profiles:\n"))
    assert "validation error for RoutingArgs" in message
    assert f"{gateway.workspace.config}:{line}" in message
    assert "the old settings still serve" in message
    after = gateway.workspace.json("status")
    assert upstream_config.read_text() == written
    assert after["profile"] == before["profile"]
    assert after["services"]["litellm"]["pid"] == before["services"]["litellm"]["pid"]
    assert gateway.chat(gateway.key())[0] == 200
