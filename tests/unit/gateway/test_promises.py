"""What the shipped profiles promise: by hand on one side, read from their settings on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.overlay import overlay
from flowgate.gateway import promises

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
PROFILES = ("reliability", "balanced", "cost")


def tree(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("config", ["flowgate.yaml", "embedded.yaml"])
def test_a_shipped_profile_promises_what_stands_beside_it(config: str, profile: str) -> None:
    written = tree(config)
    found = promises.read(overlay(written["litellm_base"], written["profiles"][profile]))
    by_hand = tree("promises.yaml")[profile]
    assert {
        "attempts": found.attempts,
        "retries": dict(found.retries),
        "cooldown_after": found.cooldown_after,
        "cooldown_seconds": found.cooldown_seconds,
        "fallbacks": {name: list(targets) for name, targets in found.fallbacks.items()},
        "request_timeout": found.request_timeout,
        "stream_timeout": found.stream_timeout,
        "quiet": found.waits.quiet,
        "refused": found.waits.refused,
    } == by_hand


def two(**router: object) -> dict[str, Any]:
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("a", "b")]
    return {"model_list": models, "router_settings": router}


def test_a_model_benched_by_its_first_failure_is_not_tried_again() -> None:
    assert promises.read(two(num_retries=3, allowed_fails=0, cooldown_time=60)).attempts == 1


def test_without_a_number_of_failures_nothing_is_benched() -> None:
    assert promises.read(two(num_retries=3)).cooldown_after is None


def test_a_pause_follows_every_attempt_that_failed_the_last_one_too() -> None:
    assert promises.pause(0) == 0
    assert promises.pause(3) == 0.5 + 1 + 2 + 4 + 4 * 0.75
    assert promises.pause(1, asked=60) == 2 * 60.75


def test_the_longest_wait_goes_through_every_fallback() -> None:
    found = promises.read(two(num_retries=1, timeout=10, fallbacks=[{"a": ["b"]}]))
    assert (found.length, found.waits.quiet) == (2, 2 * (2 * 10 + 3.0))


def test_fallbacks_that_lead_in_a_circle_are_walked_once() -> None:
    assert promises.read(two(fallbacks=[{"a": ["b"]}, {"b": ["a"]}])).length == 2


def test_the_first_of_two_fallbacks_for_a_model_counts() -> None:
    assert promises.chains({"fallbacks": [{"a": ["b"]}, {"a": ["c"]}]}) == {"a": ("b",)}
