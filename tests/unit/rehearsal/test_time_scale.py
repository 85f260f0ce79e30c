"""The time scale of a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.gateway.promises import pause
from flowgate.rehearsal.time_scale import (
    SHORTEST_COOLDOWN_SECONDS,
    SHORTEST_TIMEOUT_SECONDS,
    retry_delay_variables,
    scale_times,
    time_scale,
)
from tests.unit.gateway.test_policy import compiled

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
SHIPPED = yaml.safe_load((EXAMPLES / "embedded.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("profile", ["reliability", "balanced", "cost"])
def test_a_scaled_cooldown_and_scaled_timeouts_stay_measurable(profile: str) -> None:
    found = compiled(SHIPPED["profiles"][profile]).promises
    factor = time_scale(found)
    assert found.cooldown_seconds * factor >= SHORTEST_COOLDOWN_SECONDS - 0.01
    assert min(found.request_timeout, found.stream_timeout) * factor >= SHORTEST_TIMEOUT_SECONDS
    assert factor <= 0.14


def test_times_are_never_lengthened() -> None:
    assert time_scale(compiled({"router_settings": {"cooldown_time": 1, "timeout": 1}}).promises) == 1.0


def test_every_time_is_scaled_and_no_other_setting() -> None:
    params = {"model": "openai/x", "timeout": 20, "order": 2, "num_retries": 3}
    tree: Any = {
        "model_list": [{"model_name": "x", "litellm_params": params, "model_info": {"cooldown_time": 10}}],
        "router_settings": {"timeout": 100, "cooldown_time": 30, "num_retries": 2, "allowed_fails": 1},
        "litellm_settings": {"request_timeout": 60},
    }
    made: Any = scale_times(tree, 0.1)
    assert made["model_list"][0]["litellm_params"] == {**params, "timeout": 2.0}
    assert made["model_list"][0]["model_info"] == {"cooldown_time": 1.0}
    router = {"timeout": 10.0, "cooldown_time": 3.0, "num_retries": 2, "allowed_fails": 1}
    assert (made["router_settings"], made["litellm_settings"]) == (router, {"request_timeout": 6.0})
    assert tree["router_settings"]["timeout"] == 100


def test_the_pauses_between_attempts_are_scaled_by_the_same_factor() -> None:
    first, longest, jitter = (float(value) for value in retry_delay_variables(0.1).values())
    assert sum(min(longest, first * 2**turn) + jitter for turn in range(3)) == pytest.approx(pause(2) * 0.1)
