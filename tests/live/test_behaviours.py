"""What the installed LiteLLM does by itself, without FlowGate's changes, where its versions differ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowgate.config.overlay import overlay
from flowgate.gateway.litellm_behaviour import LONE_COOLDOWN, STREAM_RETRIES, holds
from flowgate.system import installed
from tests.live.test_policy import DOWN, FIRST, SHIPPED, SPARE, Router, as_written, running_router

pytestmark = pytest.mark.live
VERSION = installed.version("litellm") or ""
RELIABILITY = SHIPPED["profiles"]["reliability"]


@pytest.fixture(scope="module")
def router() -> Iterator[Router]:
    with running_router("--bare") as found:
        yield found


def silent(router: Router) -> None:
    router.configure(as_written(overlay(RELIABILITY, {"router_settings": {"stream_timeout": 1.0}})))
    router.vendor.faults[FIRST] = {"first": 3.0}


def test_a_silent_chat_stream_costs_num_retries_more_attempts_where_the_table_says_so(router: Router) -> None:
    silent(router)
    attempts = 3 if holds(STREAM_RETRIES, VERSION) else 1
    assert router.ask(2, stream=True) == [(SPARE, attempts, 1)] * 2


def test_a_silent_messages_stream_costs_num_retries_more_attempts_in_every_version(router: Router) -> None:
    silent(router)
    router.vendor.requested.clear()
    router.command(messages="router-default")
    assert router.vendor.requested.count(FIRST) == 3


def test_a_lone_model_never_goes_into_cooldown_by_allowed_fails_where_the_table_says_so(router: Router) -> None:
    router.configure(as_written(RELIABILITY))
    router.vendor.faults = {FIRST: DOWN, SPARE: DOWN}
    asked = [spare for _, _, spare in router.ask(4)]
    assert (asked[-1] > 0) is holds(LONE_COOLDOWN, VERSION)


@pytest.mark.parametrize("model", [FIRST])
def test_a_403_is_retried_like_a_5xx_and_starts_no_cooldown(router: Router, model: str) -> None:
    router.configure(as_written(RELIABILITY))
    router.vendor.faults[model] = {"status": 403}
    assert router.ask(3) == [(SPARE, 3, 1)] * 3
