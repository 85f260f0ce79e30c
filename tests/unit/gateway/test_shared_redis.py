"""The Redis server of a profile: where it is, and how long LiteLLM waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import LiteLLMSettings, Secret
from flowgate.gateway import policy_summary, shared_redis, worker_promises
from flowgate.system.redis_probe import RedisAddress
from tests.unit.gateway.test_policy import compiled

VARIABLES = {"REDIS_PASSWORD": Secret("sk-canary-1"), "URL": Secret("rediss://me:p%40ss@redis.example:7000/1")}


def settings(**router: Any) -> LiteLLMSettings:
    return {"router_settings": router}  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "router, found",
    [
        ({"redis_host": "h", "redis_port": 6379}, RedisAddress("h", 6379)),
        ({"redis_host": "h", "redis_port": "7000"}, RedisAddress("h", 7000)),
        ({"redis_url": "redis://h"}, RedisAddress("h", 6379)),
        ({"redis_host": "h"}, None),
        ({"redis_host": "os.environ/UNSET", "redis_port": 1}, None),
        ({"redis_url": "redis://["}, None),
        ({}, None),
    ],
)
def test_its_address_is_read_from_the_router_settings(router: Any, found: RedisAddress | None) -> None:
    assert shared_redis.address(settings(**router), VARIABLES.get) == found


def test_its_password_may_be_a_reference() -> None:
    router = {"redis_host": "h", "redis_port": 1, "redis_password": "os.environ/REDIS_PASSWORD"}
    found = shared_redis.address(settings(**router), VARIABLES.get)
    assert found is not None
    assert (found.password or Secret("")).reveal() == "sk-canary-1"


def test_a_url_has_user_password_and_tls() -> None:
    found = shared_redis.address(settings(redis_url="os.environ/URL"), VARIABLES.get)
    assert found is not None
    assert (found.host, found.port, found.user, found.tls) == ("redis.example", 7000, "me", True)
    assert (found.password or Secret("")).reveal() == "p@ss"


def test_a_server_that_hangs_is_bounded_and_that_is_said() -> None:
    made, changes = shared_redis.bounded(settings(redis_host="h", redis_port=1))
    kwargs = dict(made["router_settings"])["cache_kwargs"]
    assert kwargs == {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "retry": None}
    assert "socket_timeout: 0.5, socket_connect_timeout: 0.5, retry: null is added" in changes[0]


def test_your_own_bounds_are_kept() -> None:
    made, _ = shared_redis.bounded(settings(redis_host="h", cache_kwargs={"socket_timeout": 2, "db": 3}))
    kwargs = dict(made["router_settings"])["cache_kwargs"]
    assert kwargs == {"socket_timeout": 2, "db": 3, "socket_connect_timeout": 0.5, "retry": None}
    assert shared_redis.wait_seconds(made) == 2.0


def test_without_a_server_nothing_is_added() -> None:
    assert shared_redis.bounded(settings(num_retries=1)) == (settings(num_retries=1), [])


def test_the_profile_says_what_follows_if_it_hangs() -> None:
    made = worker_promises.applied(compiled({"router_settings": {"redis_host": "h", "redis_port": 1}}), 2, "1.108.7")
    assert any("Redis server is away, full or hangs, requests go on" in one for one in policy_summary.describe(made))
