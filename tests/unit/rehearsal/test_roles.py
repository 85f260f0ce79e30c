"""Who plays what in a rehearsal, and how fast its time goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.overlay import overlay
from flowgate.gateway.promises import pause
from flowgate.rehearsal.roles import BENCH_SECONDS, TIMEOUT_SECONDS, cast, factor, pauses, scaled
from tests.unit.gateway.test_policy import COMMON, MODELS, compiled

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
SHIPPED = yaml.safe_load((EXAMPLES / "embedded.yaml").read_text(encoding="utf-8"))
PROFILES = ("reliability", "balanced", "cost")


def shipped(profile: str) -> Any:
    return overlay(SHIPPED["litellm_base"], SHIPPED["profiles"][profile])


def test_the_primary_is_what_the_first_model_leads_to_and_the_secondary_its_fallback() -> None:
    found = cast(shipped("reliability"))
    assert (found.asked, found.roles) == (
        "router-default",
        {"embedded-default": "primary", "embedded-cheap": "secondary"},
    )


def test_with_cost_the_cheap_model_is_the_primary() -> None:
    assert cast(shipped("cost")).named("primary") == ["embedded-cheap"]


def test_cost_as_commonly_written_is_asked_for_the_model_that_has_a_fallback() -> None:
    found = cast({"model_list": MODELS, **COMMON["cost"]})
    assert (found.asked, found.named("primary")) == ("router-cheap", ["router-cheap"])


def test_without_a_fallback_there_is_no_secondary() -> None:
    found = cast({"model_list": MODELS})
    assert (found.secondary, found.roles) == (False, {"router-default": "primary", "router-cheap": "further"})


def test_deployments_that_share_the_work_play_one_role() -> None:
    more = [{"model_name": "router-default", "litellm_params": {"model": "openai/other"}}]
    tree = {"model_list": [*MODELS, *more], "router_settings": {"fallbacks": [{"router-default": ["router-cheap"]}]}}
    assert cast(tree).roles == {"router-default": "primary", "other": "primary", "router-cheap": "secondary"}


def test_a_fallback_by_alias_and_one_for_every_model_are_followed() -> None:
    router = {"fallbacks": [{"*": ["spare"]}], "model_group_alias": {"spare": {"model": "router-cheap"}}}
    assert cast({"model_list": MODELS, "router_settings": router}).named("secondary") == ["router-cheap"]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_scaled_bench_and_scaled_times_out_can_still_be_told_from_a_slow_machine(profile: str) -> None:
    found = compiled(SHIPPED["profiles"][profile]).promises
    by = factor(found)
    assert found.cooldown_seconds * by >= BENCH_SECONDS - 0.01
    assert min(found.request_timeout, found.stream_timeout) * by >= TIMEOUT_SECONDS
    assert by <= 0.14


def test_nothing_is_ever_slowed_down() -> None:
    assert factor(compiled({"router_settings": {"cooldown_time": 1, "timeout": 1}}).promises) == 1.0


def test_every_time_is_scaled_wherever_it_stands_and_nothing_else_is() -> None:
    params = {"model": "openai/x", "timeout": 20, "order": 2, "num_retries": 3}
    tree = {
        "model_list": [{"model_name": "x", "litellm_params": params, "model_info": {"cooldown_time": 10}}],
        "router_settings": {"timeout": 100, "cooldown_time": 30, "num_retries": 2, "allowed_fails": 1},
        "litellm_settings": {"request_timeout": 60},
    }
    made = scaled(tree, 0.1)
    assert made["model_list"][0]["litellm_params"] == {**params, "timeout": 2.0}
    assert made["model_list"][0]["model_info"] == {"cooldown_time": 1.0}
    router = {"timeout": 10.0, "cooldown_time": 3.0, "num_retries": 2, "allowed_fails": 1}
    assert (made["router_settings"], made["litellm_settings"]) == (router, {"request_timeout": 6.0})
    assert tree["router_settings"]["timeout"] == 100  # type: ignore[index]


def test_the_pauses_between_attempts_are_scaled_alike() -> None:
    first, longest, jitter = (float(value) for value in pauses(0.1).values())
    assert sum(min(longest, first * 2**turn) + jitter for turn in range(3)) == pytest.approx(pause(2) * 0.1)
