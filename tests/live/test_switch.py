"""Switching the real LiteLLM: forked generations, a refused profile, and a nursery that is killed."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.supervisor.client import Keeper
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


def kept(gateway: Gateway) -> dict[str, Any]:
    with closing(Keeper(gateway.ground.runtime, gateway.ground.folder / "keeper.log")) as keeper:
        return keeper.status()


def other(gateway: Gateway) -> str:
    return "cost" if gateway.ground.json("status")["profile"]["name"] != "cost" else "balanced"


def test_a_switch_forks_its_generation(gateway: Gateway) -> None:
    (nursery,) = kept(gateway)["nurseries"]
    gateway.ground.inv("profile.set", other(gateway))
    assert kept(gateway)["nurseries"][0]["pid"] == nursery["pid"]
    log = (gateway.ground.folder / ".router" / "logs" / "flowgate.log").read_text()
    number = gateway.ground.json("status")["services"]["litellm"]["generation"]
    assert f"litellm {number}: forked as process" in log


def test_a_killed_nursery_is_noticed_by_no_client_and_the_next_switch_works(gateway: Gateway) -> None:
    before, key = kept(gateway), gateway.key()
    old = before["nurseries"][0]["pid"]
    os.kill(old, signal.SIGKILL)
    assert gateway.chat(key)[0] == 200
    assert wait(lambda: [n["pid"] != old and n["state"] == "ready" for n in kept(gateway)["nurseries"]] == [True], 40)
    numbers = [[g["number"] for g in one["services"]["litellm"]["generations"]] for one in (before, kept(gateway))]
    assert numbers[0][-1:] == numbers[1]
    gateway.ground.inv("profile.set", other(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_keeper_is_noticed_by_no_client_and_the_next_command_takes_over(gateway: Gateway) -> None:
    before, key = kept(gateway), gateway.key()
    os.kill(before["keeper"], signal.SIGKILL)
    assert [gateway.chat(key)[0] for _ in range(3)] == [200, 200, 200]
    after = gateway.ground.json("status")
    assert after["keeper"] not in (None, before["keeper"])
    for name, seat in before["services"].items():
        serving = [one["pid"] for one in seat["generations"] if one["phase"] == "serving"]
        assert [after["services"][name]["pid"]] == serving
    assert wait(lambda: [one["state"] for one in kept(gateway)["nurseries"]] == ["ready"], 40)
    gateway.ground.inv("profile.set", other(gateway))
    assert gateway.chat(key)[0] == 200


def test_a_killed_generation_is_replaced_and_clients_wait_for_it(gateway: Gateway) -> None:
    before, key = gateway.ground.json("status")["services"]["litellm"], gateway.key()
    os.kill(before["pid"], signal.SIGKILL)
    assert gateway.chat(key)[0] == 200  # it stood in the socket's queue meanwhile
    assert gateway.ground.json("status")["services"]["litellm"]["restarts"] > before["restarts"]


def test_cliproxyapi_plus_restarts_without_cutting_a_stream(gateway: Gateway) -> None:
    key = gateway.key()
    before = gateway.ground.json("status")["services"]["cliproxyapi_plus"]["pid"]
    question = [{"role": "user", "content": "hello (take 2 s)"}]
    with ThreadPoolExecutor(1) as pool:
        streamed = pool.submit(gateway.chat, key, messages=question, stream=True)
        time.sleep(0.5)
        said = gateway.ground.inv("service.restart", "--service", "cliproxyapi_plus").stderr
        code, text = streamed.result(20)
    assert (code, text.rstrip().endswith("data: [DONE]")) == (200, True)
    assert "new questions wait" in said
    assert gateway.ground.json("status")["services"]["cliproxyapi_plus"]["pid"] != before
    assert gateway.chat(key)[0] == 200


def test_a_profile_that_litellm_refuses_is_quoted_with_its_line_and_changes_nothing(gateway: Gateway) -> None:
    before = gateway.ground.json("status")
    south = gateway.ground.runtime / "cliproxyapi.yaml"
    written = south.read_text()
    strange = STRANGE.format(port=gateway.ground.upstream_port)
    gateway.ground.change(("profiles:\n", strange))
    try:
        said = gateway.ground.inv("profile.set", "strange", code=3).stderr
        line = gateway.ground.config.read_text().splitlines().index("      routing_strategy: fastest") + 1
    finally:
        gateway.ground.change((strange, "profiles:\n"))
    assert "ValueError: Invalid routing_strategy: 'fastest'" in said
    assert f"{gateway.ground.config}:{line}" in said
    assert "the old settings still serve" in said
    after = gateway.ground.json("status")
    assert south.read_text() == written
    assert after["profile"] == before["profile"]
    assert after["services"]["litellm"]["pid"] == before["services"]["litellm"]["pid"]
    assert gateway.chat(gateway.key())[0] == 200
