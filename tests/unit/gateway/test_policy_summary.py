"""A policy in words."""

from __future__ import annotations

import pytest

from flowgate.gateway import policy_summary
from tests.unit.gateway.test_policy import COMMON, compiled


def message(*args: object, **more: object) -> str:
    return "\n".join(policy_summary.describe(compiled(*args, **more)))  # type: ignore[arg-type]


def test_attempts_and_what_is_not_tried_again_are_told_apart() -> None:
    policy = {"num_retries": 2, "retry_policy": {"TimeoutErrorRetries": 0, "RateLimitErrorRetries": 0}}
    assert "3 times at most: after a 5xx twice more; after a 429, a time-out, a 401, a 403, a 404 not again" in message(
        {"router_settings": policy}
    )
    assert "a question is put to one model once\n" in message({"router_settings": {"num_retries": 0}})


@pytest.mark.parametrize(
    ("fails", "words_of_it"),
    [(0, "its first question that fails, for 60 s"), (1, "its second question that fails within 60 s, for 60 s")],
)
def test_when_a_model_is_benched_is_told(fails: int, words_of_it: str) -> None:
    assert words_of_it in message({"router_settings": {"allowed_fails": fails, "cooldown_time": 60}})


def test_that_nobody_is_benched_is_told() -> None:
    assert "LiteLLM benches nobody: in an outage every question pays all attempts" in message({})


def test_who_benches_and_why_is_told() -> None:
    assert "CLIProxyAPIPlus benches an account at its first 5xx" in message(COMMON["reliability"], {"codex": 2})
    assert "codex has 2 accounts" in message(COMMON["reliability"], {"codex": 2})


def test_what_cannot_be_kept_is_told() -> None:
    assert message(COMMON["cost"]).endswith(f"{policy_summary.NOT_KEPT[0]}\n{policy_summary.NOT_KEPT[1]}")


def test_what_cliproxyapiplus_cannot_bench_is_told_where_it_benches() -> None:
    assert message(COMMON["cost"], {"codex": 2}).endswith(policy_summary.SOUTH_CANNOT[0])


def test_a_time_out_that_benches_by_itself_is_told() -> None:
    settings = {"allowed_fails": 1, "cooldown_time": 60, "allowed_fails_policy": None}
    assert "within 60 s, or its first time-out, for 60 s" in message({"router_settings": {**settings, "timeout": 120}})
    assert "time-out, for" not in message({"router_settings": {**settings, "timeout": 20}})


def test_a_model_without_a_fallback_is_told() -> None:
    assert "no model has a fallback: when it fails, the client is told so" in message({})


@pytest.mark.parametrize(("length", "text"), [(11.5, "11.5 s"), (119, "119 s"), (120, "2 min"), (1084.5, "18 min 4 s")])
def test_lengths_of_time_are_written_for_people(length: float, text: str) -> None:
    assert policy_summary.seconds(length) == text
