"""What several workers make of a profile's promises."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.gateway import policy_summary, worker_promises
from flowgate.gateway.policy import CLIPROXY
from flowgate.gateway.promises import Promises
from tests.unit.gateway.test_policy import compiled

SHARES, BEFORE = "1.108.7", "1.108.1"
REDIS = {"redis_host": "127.0.0.1"}


def promises(workers: int, fails: int, version: str = SHARES, **router: Any) -> Promises:
    made = compiled({"router_settings": {"allowed_fails": fails, "num_retries": 1, **router}})
    return worker_promises.applied(made, workers, version).promises


@pytest.mark.parametrize(("workers", "fails", "failed"), [(1, 0, 1), (2, 0, 2), (4, 0, 4), (2, 2, 6), (4, 3, 16)])
def test_without_redis_each_worker_counts_by_itself(workers: int, fails: int, failed: int) -> None:
    found = promises(workers, fails)
    assert (found.failed_until_cooldown, found.shares_cooldowns) == (failed, False)
    assert found.attempts_per_minute == workers * promises(1, fails).attempts_per_minute


@pytest.mark.parametrize(("workers", "fails", "failed"), [(1, 2, 3), (2, 2, 4), (4, 0, 4), (4, 3, 7)])
@pytest.mark.parametrize("redis", [REDIS, {"redis_url": "redis://127.0.0.1:6379"}])
def test_with_redis_the_workers_count_together(workers: int, fails: int, failed: int, redis: Any) -> None:
    assert promises(workers, fails, **redis).failed_until_cooldown == failed


def test_an_older_litellm_does_not_share_its_counts() -> None:
    assert promises(2, 2, BEFORE, **REDIS).failed_until_cooldown == 6


def test_without_cooldowns_workers_change_nothing() -> None:
    assert promises(4, 0, disable_cooldowns=True).workers == 1


def test_the_cooldowns_of_cliproxyapiplus_do_not_depend_on_workers() -> None:
    made = compiled({}, {"codex": 2})
    assert made.cooldowns_by == CLIPROXY
    assert worker_promises.applied(made, 4, SHARES).promises == made.promises


@pytest.mark.parametrize(("router", "words"), [({}, "counts failures by itself"), (REDIS, "Redis server is away")])
def test_the_profile_says_what_workers_mean(router: Any, words: str) -> None:
    made = compiled({"router_settings": {"allowed_fails": 1, **router}})
    assert any(words in line for line in policy_summary.describe(worker_promises.applied(made, 2, SHARES)))
    assert not any("workers" in line for line in policy_summary.describe(made))
