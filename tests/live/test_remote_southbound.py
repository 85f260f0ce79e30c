"""Two gateways of the real LiteLLM over one remote CLIProxyAPIPlus, over TLS: it dies, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from tests.conftest import REAL_LITELLM, Workspace, wait
from tests.live.conftest import CANARY, Gateway, Vendor, running
from tests.remote_southbound import Remote, remote_southbound
from tests.test_remote_southbound import over

pytestmark = pytest.mark.live
MODELS = """\
    - model_name: beside
      litellm_params: {{model: openai/beside, api_base: "http://127.0.0.1:{vendor}/v1", api_key: none}}
profiles:
  shared:
    router_settings:
      num_retries: 0
      allowed_fails: 0
      cooldown_time: 2
      fallbacks: [{{router-default: [beside]}}]
"""
Fleet = tuple[Remote, Gateway, Gateway]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[Fleet]:
    """A remote, and two gateways over it."""
    with ExitStack() as stack:
        remote = stack.enter_context(remote_southbound(tmp_path_factory.mktemp("south")))
        found = []
        for name in ("one", "two"):
            place = Workspace(tmp_path_factory.mktemp(name), variables={"CANARY_KEY": CANARY})
            place.write(litellm=REAL_LITELLM, upstream=("unused",))
            over(place, remote).edit_config(("profiles:\n", MODELS.format(vendor=vendor.port)))
            found.append(stack.enter_context(running(place, "shared")))
        yield remote, found[0], found[1]


def answered_by(gateway: Gateway, key: str) -> str:
    """Ask the model whose fallback is at another vendor; return who answered."""
    status, text = gateway.chat(key, "router-default")
    return ("the remote" if "embedded-default" in text else "the fallback") if status == 200 else str(status)


def is_answered_by_the_remote(gateway: Gateway, key: str) -> bool:
    return answered_by(gateway, key) == "the remote"


def test_the_smoke_test_passes_on_both(fleet: Fleet) -> None:
    for gateway in fleet[1:]:
        done = gateway.workspace.inv("smoke", "--live")
        assert "PASS" in done.stdout
        assert "remote, ready in" in done.stderr


def test_both_are_answered_by_the_remote(fleet: Fleet) -> None:
    assert [answered_by(one, one.key()) for one in fleet[1:]] == ["the remote"] * 2


def test_while_it_is_dead_the_fallback_answers_and_it_is_used_again_without_a_restart(fleet: Fleet) -> None:
    remote, *gateways = fleet
    keys = [one.key() for one in gateways]
    before = [one.workspace.json("status")["services"]["litellm"]["generation"] for one in gateways]
    remote.stop()
    for gateway, key in zip(gateways, keys, strict=True):
        assert [answered_by(gateway, key) for _ in range(5)] == ["the fallback"] * 5
        assert gateway.chat(key, "router-cheap")[0] >= 500
    remote.start()
    for gateway, key in zip(gateways, keys, strict=True):
        assert wait(partial(is_answered_by_the_remote, gateway, key))
    assert [one.workspace.json("status")["services"]["litellm"]["generation"] for one in gateways] == before
