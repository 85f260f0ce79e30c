"""What several gateways make of a profile's promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowgate.gateway.fleet_promises import Fleet, of_gateways
from flowgate.gateway.litellm_declarations import Declarations
from tests.unit.gateway.test_policy import compiled

REDIS: dict[str, Any] = {"redis_host": "127.0.0.1", "redis_port": 6379}


def fleet(gateways: int, workers: int = 1, accounts: Any = None, remote: str = "", **router: Any) -> Fleet:
    made = compiled({"router_settings": {"allowed_fails": 1, "num_retries": 1, **router}}, accounts or {})
    return of_gateways(replace(made, declared=Declarations(version="1.108.7")), gateways, workers, remote)


@pytest.mark.parametrize(("gateways", "workers", "failed"), [(2, 1, 4), (3, 1, 6), (3, 4, 24)])
def test_without_redis_every_worker_of_every_gateway_counts_by_itself(gateways: int, workers: int, failed: int) -> None:
    found = fleet(gateways, workers)
    assert (found.failed_until_cooldown, found.shared) == (failed, False)


@pytest.mark.parametrize(("gateways", "workers", "failed"), [(2, 1, 3), (3, 1, 4), (3, 4, 13)])
def test_with_redis_they_count_together(gateways: int, workers: int, failed: int) -> None:
    found = fleet(gateways, workers, **REDIS)
    assert (found.failed_until_cooldown, found.shared) == (failed, True)
    assert any(f"find it after 2 failed requests, closer ones after up to {failed}" in one for one in found.in_words)
    alone = fleet(1).attempts_per_minute
    assert any(f"; further apart than 1 s, at most {alone}" in one for one in found.in_words)
    assert any(
        f"while the Redis server is away, each counts by itself: {gateways * workers * 2} " in one
        for one in found.in_words
    )


def test_without_cooldowns_there_is_no_limit() -> None:
    found = fleet(3, disable_cooldowns=True)
    assert (found.failed_until_cooldown, found.attempts_per_minute) == (0, None)


def test_cooldowns_of_the_southbound_hold_for_those_that_share_it() -> None:
    assert fleet(3, accounts={"codex": 2}).attempts_per_minute is None


def test_limits_of_clients_are_counted_by_each_gateway() -> None:
    assert any("may ask and spend 3 times as much" in one for one in fleet(3, **REDIS).in_words)


@pytest.mark.parametrize(
    ("remote", "words"), [("https://a.example", "accounts at https://a.example"), ("", "accounts of its own")]
)
def test_it_says_whose_accounts_they_use(remote: str, words: str) -> None:
    assert words in fleet(3, remote=remote).in_words[-1]


@pytest.mark.parametrize(("own", "failed", "shared_too"), [([], 4, True), (["a"], 6, True), (["a", "b"], 6, False)])
def test_models_through_an_upstream_of_each_gateway_are_counted_by_each(
    own: list[str], failed: int, shared_too: bool
) -> None:
    made = compiled({"router_settings": {"allowed_fails": 1, "num_retries": 1, **REDIS}}, {})
    entries = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("a", "b")]
    made = replace(made, declared=Declarations(version="1.108.7"), litellm={**made.litellm, "model_list": entries})  # type: ignore[typeddict-item]
    found = of_gateways(made, 3, 1, own_models=own)
    assert found.failed_until_cooldown == failed
    assert any("3 gateways share failures" in one for one in found.in_words) is shared_too
    assert any("not shared in the Redis server, because each gateway" in one for one in found.in_words) is bool(own)
