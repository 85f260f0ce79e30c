"""LiteLLM's router inside its process: the one place that knows where its parts are.

Source: LiteLLM 1.106.2 and 1.108.7, litellm/router.py: `model_list` and `cooldown_cache` are attributes. LiteLLM
1.109.3 and 1.110.2, litellm/router_api.py: they are `registry().all()` and `health().cooldowns`; the attributes remain
as deprecated ones for a while. `CooldownCache` is the same class in all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from flowgate.gateway.name_sections import aliases as aliases_of

PROXY = "litellm.proxy.proxy_server"


def current() -> Any:
    """Return the router that answers in this process; None if there is none."""
    return getattr(sys.modules.get(PROXY), "llm_router", None)


def deployments(router: Any) -> list[Any]:
    """Return a router's deployments as it has them; empty if it has none.

    Args:
        router: The router, or None.
    """
    registry = getattr(type(router), "registry", None)
    found: Iterable[Any] | None = router.registry().all() if callable(registry) else getattr(router, "model_list", None)
    return list(found or ())


def number(entry: Any) -> str:
    """Return the id of a deployment.

    Args:
        entry: The deployment.
    """
    return str((entry.get("model_info") or {}).get("id"))


def address(entry: Any) -> str:
    """Return the address of a deployment; empty when it is not known.

    Args:
        entry: The deployment.
    """
    return str((entry.get("litellm_params") or {}).get("api_base") or "")


def address_of(router: Any, number_: object) -> str:
    """Return the address of the deployment with an id; empty when it is not known.

    Args:
        router: The router.
        number_: The deployment's id.
    """
    return next((address(one) for one in deployments(router) if number(one) == str(number_)), "")


def aliases(router: Any) -> Mapping[str, str]:
    """Return a router's aliases: name → the model it stands for.

    Args:
        router: The router.
    """
    return aliases_of(getattr(router, "model_group_alias", None))


async def cooldowns(router: Any) -> list[tuple[Any, Any]]:
    """Return the deployments in cooldown, each with its entry in LiteLLM's cache.

    Args:
        router: The router, or None.
    """
    by_number = {number(one): one for one in deployments(router)}
    if not by_number:
        return []
    found = await _cache(router).async_get_active_cooldowns(list(by_number), None)
    return [(by_number[name], entry) for name, entry in found]


def end_cooldown(router: Any, entry: Any) -> None:
    """End the cooldown of a deployment.

    Args:
        router: The router.
        entry: The deployment.
    """
    cache = _cache(router)
    cache.in_memory_cache.delete_cache(cache.get_cooldown_cache_key(number(entry)))


def _cache(router: Any) -> Any:
    health = getattr(type(router), "health", None)
    return router.health().cooldowns if callable(health) else router.cooldown_cache
