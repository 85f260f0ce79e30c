"""What profiles promise: the shipped ones are compared with `promises.yaml`, which is written by hand."""

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
@pytest.mark.parametrize("config", ["flowgate.yaml", "embedded.yaml", "api-keys.yaml"])
def test_a_shipped_profile_promises_what_promises_yaml_says(config: str, profile: str) -> None:
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


def two(**router: object) -> Any:
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("a", "b")]
    return {"model_list": models, "router_settings": router}


def test_a_model_in_cooldown_after_its_first_failure_is_not_retried() -> None:
    assert promises.read(two(num_retries=3, allowed_fails=0, cooldown_time=60)).attempts == 1


def test_without_allowed_fails_there_are_no_cooldowns() -> None:
    assert promises.read(two(num_retries=3)).cooldown_after is None


def test_a_pause_follows_every_failed_attempt() -> None:
    assert promises.pause(0) == 0
    assert promises.pause(3) == 0.5 + 1 + 2 + 4 + 4 * 0.75
    assert promises.pause(1, retry_after=60) == 2 * 60.75


def test_the_longest_wait_includes_all_fallbacks() -> None:
    found = promises.read(two(num_retries=1, timeout=10, fallbacks=[{"a": ["b"]}]))
    assert (found.length, found.waits.quiet) == (2, 2 * (2 * 10 + 3.0))


def test_fallbacks_that_form_a_loop_are_counted_once() -> None:
    assert promises.read(two(fallbacks=[{"a": ["b"]}, {"b": ["a"]}])).length == 2


def test_the_first_of_two_fallback_lists_of_a_model_is_used() -> None:
    assert promises.chains({"fallbacks": [{"a": ["b"]}, {"a": ["c"]}]}) == {"a": ("b",)}
