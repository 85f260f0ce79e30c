"""Switching the real LiteLLM: forked generations, a refused profile, and a nursery that is killed."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.protocol import StatusDocument
from tests.conftest import wait

if TYPE_CHECKING:
    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
STRANGE = """\
profiles:
  strange:
    model_list:
      - model_name: router-default
        litellm_params: {{model: openai/strange, api_base: "http://127.0.0.1:{port}/v1", api_key: k}}
    router_settings:
      routing_strategy: fastest
"""


def kept(gateway: Gateway) -> StatusDocument:
    with closing(SupervisorClient(gateway.workspace.runtime, gateway.workspace.folder / "supervisor.log")) as supervisor:
        return supervisor.status()


def other(gateway: Gateway) -> str:
    return "cost" if gateway.workspace.json("status")["profile"]["name"] != "cost" else "balanced"


def test_a_switch_forks_its_generation(gateway: Gateway) -> None:
    (fork_server,) = kept(gateway)["fork_servers"]
    gateway.workspace.inv("profile.set", other(gateway))
    assert kept(gateway)["fork_servers"][0]["pid"] == fork_server["pid"]
    log = (gateway.workspace.folder / ".router" / "logs" / "flowgate.log").read_text()
    number = gateway.workspace.json("status")["services"]["litellm"]["generation"]
    assert f"litellm {number}: forked as process" in log


def test_a_killed_nursery_is_noticed_by_no_client_and_the_next_switch_works(gateway: Gateway) -> None:
    before, key = kept(gateway), gateway.key()
    old = before["fork_servers"][0]["pid"]
    os.kill(old, signal.SIGKILL)
    assert gateway.chat(key)[0] == 200
    assert wait(
        lambda: [n["pid"] != old and n["state"] == "ready" for n in kept(gateway)["fork_servers"]] == [True], 40
    )
    numbers = [[g["number"] for g in one["services"]["litellm"]["generations"]] for one in (before, kept(gateway))]
    assert numbers[0][-1:] == numbers[1]
    gateway.workspace.inv("profile.set", other(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_keeper_is_noticed_by_no_client_and_the_next_command_takes_over(gateway: Gateway) -> None:
    before, key = kept(gateway), gateway.key()
    assert before["supervisor"]
    os.kill(before["supervisor"], signal.SIGKILL)
    assert [gateway.chat(key)[0] for _ in range(3)] == [200, 200, 200]
    after = gateway.workspace.json("status")
    assert after["supervisor"] not in (None, before["supervisor"])
    for name, seat in before["services"].items():
        serving = [one["pid"] for one in seat["generations"] if one["phase"] == "serving"]
        assert [after["services"][name]["pid"]] == serving
    assert wait(lambda: [one["state"] for one in kept(gateway)["fork_servers"]] == ["ready"], 40)
    gateway.workspace.inv("profile.set", other(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_generation_is_replaced_and_clients_wait_for_it(gateway: Gateway) -> None:
    before, key = gateway.workspace.json("status")["services"]["litellm"], gateway.key()
    os.kill(before["pid"], signal.SIGKILL)
    assert gateway.chat(key)[0] == 200  # it stood in the socket's queue meanwhile
    assert gateway.workspace.json("status")["services"]["litellm"]["restarts"] > before["restarts"]


def test_cliproxyapi_plus_restarts_without_cutting_a_stream(gateway: Gateway) -> None:
    key = gateway.key()
    before = gateway.workspace.json("status")["services"]["cliproxyapi_plus"]["pid"]
    question = [{"role": "user", "content": "hello (take 2 s)"}]
    with ThreadPoolExecutor(1) as pool:
        streamed = pool.submit(gateway.chat, key, messages=question, stream=True)
        time.sleep(0.5)
        message = gateway.workspace.inv("service.restart", "--service", "cliproxyapi_plus").stderr
        code, text = streamed.result(20)
    assert (code, text.rstrip().endswith("data: [DONE]")) == (200, True)
    assert "new questions wait" in message
    assert gateway.workspace.json("status")["services"]["cliproxyapi_plus"]["pid"] != before
    assert gateway.chat(key)[0] == 200


def test_a_profile_that_litellm_refuses_is_quoted_with_its_line_and_changes_nothing(gateway: Gateway) -> None:
    before = gateway.workspace.json("status")
    south = gateway.workspace.runtime / "cliproxyapi.yaml"
    written = south.read_text()
    strange = STRANGE.format(port=gateway.workspace.upstream_port)
    gateway.workspace.edit_config(("profiles:\n", strange))
    try:
        message = gateway.workspace.inv("profile.set", "strange", code=3).stderr
        line = gateway.workspace.config.read_text().splitlines().index("      routing_strategy: fastest") + 1
    finally:
        gateway.workspace.edit_config((strange, "profiles:\n"))
    assert "ValueError: Invalid routing_strategy: 'fastest'" in message
    assert f"{gateway.workspace.config}:{line}" in message
    assert "the old settings still serve" in message
    after = gateway.workspace.json("status")
    assert south.read_text() == written
    assert after["profile"] == before["profile"]
    assert after["services"]["litellm"]["pid"] == before["services"]["litellm"]["pid"]
    assert gateway.chat(gateway.key())[0] == 200
