"""Who is benched, in the real LiteLLM and in the embedded upstream: seen, explained, cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.conftest import Gateway, Vendor

pytestmark = pytest.mark.live
REFUSED = {"vendor-model": {"status": 401}}  # LiteLLM benches a group with one deployment for this by itself


@pytest.fixture
def benched(gateway: Gateway, vendor: Vendor) -> Iterator[Gateway]:
    """A gateway whose model `faulty` is benched; nobody is when the test has ended."""
    vendor.tell(REFUSED)
    key = gateway.key()
    assert gateway.chat(key, "faulty")[0] == 401
    assert wait(lambda: gateway.workspace.json("cooldowns")["cooldowns"], 10.0)
    vendor.tell({})
    yield gateway
    gateway.workspace.inv("service.restart", "--service", "litellm")


def test_a_benched_model_is_shown_with_its_time_and_cleared(benched: Gateway, vendor: Vendor) -> None:
    (row,) = benched.workspace.json("cooldowns")["cooldowns"]
    assert (row["by"], row["models"], row["deployment"]) == ("litellm", ["faulty"], "openai/vendor-model")
    assert (row["address"], row["why"]) == (f"http://127.0.0.1:{vendor.port}/v1", "401")
    assert 200 < row["seconds_left"] <= 300
    assert row["since"] < row["until"]
    vendor.forget()
    assert benched.chat(benched.key(), "faulty")[0] == 429
    assert vendor.asked() == []
    done = benched.workspace.inv("cooldowns", "--clear", "faulty")
    assert "faulty is asked again" in done.stderr
    assert "nothing is benched" in done.stderr
    assert benched.chat(benched.key(), "faulty")[0] == 200
    assert [one["model"] for one in vendor.asked()] == ["vendor-model"]


def test_an_explanation_names_who_is_benched_now(benched: Gateway) -> None:
    (row,) = benched.workspace.json("explain")["cooldowns"]
    assert (row["models"], row["seconds_left"] > 200) == (["faulty"], True)
    message = benched.workspace.inv("explain").stdout
    assert "faulty (openai/vendor-model at http://127.0.0.1:" in message
    assert f"left, until {row['until']}" in message


def test_an_unknown_model_is_refused_and_a_sound_one_is_not_benched(gateway: Gateway) -> None:
    message = gateway.workspace.inv("cooldowns", "--clear", "faullty", code=2).stderr
    assert "did you mean 'faulty'?" in message
    before = gateway.workspace.json("status")["services"]["litellm"]["generation"]
    assert "nothing benches faulty" in gateway.workspace.inv("cooldowns", "--clear", "faulty").stderr
    assert gateway.workspace.json("status")["services"]["litellm"]["generation"] == before
