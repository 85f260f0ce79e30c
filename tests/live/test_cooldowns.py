"""Cooldowns of the real LiteLLM: list, explain and clear them."""

from __future__ import annotations

import urllib.error
from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.conftest import Gateway, Vendor

pytestmark = pytest.mark.live
REJECTING = {"vendor-model": {"status": 401}}  # for a 401 LiteLLM cools down even a group's only deployment


@pytest.fixture
def in_cooldown(gateway: Gateway, vendor: Vendor) -> Iterator[Gateway]:
    """A gateway whose model `faulty` is in cooldown; the cooldown is cleared after the test."""
    vendor.set_faults(REJECTING)
    key = gateway.key()
    assert gateway.chat(key, "faulty")[0] == 401
    assert wait(lambda: gateway.workspace.json("cooldowns")["cooldowns"])
    vendor.set_faults({})
    yield gateway
    gateway.workspace.inv("service.restart", "--service", "litellm")


def told(gateway: Gateway) -> int:
    """Return the seconds after which a client is asked to try again."""
    body = {"model": "faulty", "messages": [{"role": "user", "content": "hello"}]}
    with pytest.raises(urllib.error.HTTPError) as refused:
        gateway.open("/v1/chat/completions", body, key=gateway.key())
    with refused.value as response:
        return int(response.headers["retry-after"])


def test_a_cooldown_is_listed_with_its_time_and_cleared(in_cooldown: Gateway, vendor: Vendor) -> None:
    (row,) = in_cooldown.workspace.json("cooldowns")["cooldowns"]
    assert (row["by"], row["models"], row["deployment"]) == ("litellm", ["faulty"], "openai/vendor-model")
    assert (row["address"], row["why"]) == (f"http://127.0.0.1:{vendor.port}/v1", "401")
    assert 200 < row["seconds_left"] <= 300
    assert row["since"] < row["until"]
    assert wait(lambda: told(in_cooldown) < 299, 20.0)  # what is left, not the whole cooldown of 300 s
    vendor.reset()
    status, body = in_cooldown.chat(in_cooldown.key(), "faulty")
    assert (status, "Try again in 29" in body) == (429, True)
    assert vendor.requests() == []
    done = in_cooldown.workspace.inv("cooldowns", "--clear", "faulty")
    assert "faulty is no longer in cooldown" in done.stderr
    assert "there are no cooldowns" in done.stderr
    assert "faulty (openai/vendor-model" in in_cooldown.workspace.inv("events", "--event", "cooldown_clear").stdout
    assert in_cooldown.chat(in_cooldown.key(), "faulty")[0] == 200
    assert [one["model"] for one in vendor.requests()] == ["vendor-model"]


def test_an_explanation_lists_current_cooldowns(in_cooldown: Gateway) -> None:
    (row,) = in_cooldown.workspace.json("explain")["cooldowns"]
    assert (row["models"], row["seconds_left"] > 200) == (["faulty"], True)
    message = in_cooldown.workspace.inv("explain").stdout
    assert "faulty (openai/vendor-model at http://127.0.0.1:" in message
    assert f"left, until {row['until']}" in message


def test_clearing_an_unknown_model_is_an_error_and_a_working_one_changes_nothing(gateway: Gateway) -> None:
    message = gateway.workspace.inv("cooldowns", "--clear", "faullty", code=2).stderr
    assert "did you mean 'faulty'?" in message
    before = gateway.workspace.json("status")["services"]["litellm"]["generation"]
    assert "faulty is not in cooldown" in gateway.workspace.inv("cooldowns", "--clear", "faulty").stderr
    assert gateway.workspace.json("status")["services"]["litellm"]["generation"] == before
