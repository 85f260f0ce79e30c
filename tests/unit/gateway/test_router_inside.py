"""LiteLLM's router as an object of Python, and as one that has a registry and a state of health."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.gateway import router_inside

ENTRIES = [
    {"model_name": "a", "litellm_params": {"api_base": "http://a/v1"}, "model_info": {"id": 1}},
    {"model_name": "b", "litellm_params": {"model": "openai/b"}, "model_info": {"id": "2"}},
]


class Cache:
    """LiteLLM's cache of cooldowns: deployment 2 is in cooldown."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.in_memory_cache = SimpleNamespace(delete_cache=self.deleted.append)

    async def async_get_active_cooldowns(self, ids: list[str], span: None) -> list[tuple[str, dict[str, Any]]]:
        return [("2", {"status_code": "500"})] if "2" in ids else []

    def get_cooldown_cache_key(self, number: str) -> str:
        return f"deployment:{number}:cooldown"


class Older:
    """A router whose parts are attributes."""

    def __init__(self, cache: Cache) -> None:
        self.model_list, self.cooldown_cache = ENTRIES, cache


class Newer:
    """A router with a registry and a state of health, which has no such attributes."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def registry(self) -> Any:
        return SimpleNamespace(all=lambda: ENTRIES)

    def health(self) -> Any:
        return SimpleNamespace(cooldowns=self._cache)


@pytest.mark.parametrize("kind", [Older, Newer])
def test_deployments_and_cooldowns_are_read_from_either_router(kind: Any) -> None:
    cache = Cache()
    router = kind(cache)
    assert [router_inside.number(one) for one in router_inside.deployments(router)] == ["1", "2"]
    assert asyncio.run(router_inside.cooldowns(router)) == [(ENTRIES[1], {"status_code": "500"})]
    router_inside.end_cooldown(router, ENTRIES[1])
    assert cache.deleted == ["deployment:2:cooldown"]


@pytest.mark.parametrize("kind", [Older, Newer])
def test_the_address_of_a_deployment_is_found_by_its_id(kind: Any) -> None:
    router = kind(Cache())
    assert [router_inside.address_of(router, one) for one in ("1", 1, "2", "3")] == ["http://a/v1"] * 2 + [""] * 2


@pytest.mark.parametrize("router", [None, SimpleNamespace(), SimpleNamespace(model_list=None)])
def test_without_deployments_there_is_nothing_to_read(router: Any) -> None:
    assert router_inside.deployments(router) == []
    assert asyncio.run(router_inside.cooldowns(router)) == []
