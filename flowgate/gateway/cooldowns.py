"""LiteLLM's cooldowns, read inside its process.

Source: LiteLLM 1.106.2, litellm/router_utils/cooldown_cache.py: one entry per deployment, with `timestamp` and
`cooldown_time` in seconds; `exception_received` may quote a vendor's message and is not passed on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypedDict

from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway.name_sections import aliases as aliases_of
from flowgate.gateway.upstream_deployments import uses_upstream, without_provider

PROXY = "litellm.proxy.proxy_server"


class Cooldown(TypedDict):
    """A deployment that LiteLLM's router does not use for now.

    `models` are the names that clients use, `why` is the HTTP status; times are seconds since 1970.
    """

    models: list[str]
    deployment: str
    address: str
    why: str
    since: float
    until: float


async def active() -> list[Cooldown]:
    """List the cooldowns of this process's router; empty if it has no router."""
    router: Any = getattr(sys.modules.get(PROXY), "llm_router", None)
    if router is None:
        return []
    deployments = {str(one["model_info"]["id"]): one for one in router.model_list}
    found = await router.cooldown_cache.async_get_active_cooldowns(list(deployments), None)
    aliases = aliases_of(getattr(router, "model_group_alias", None))
    return [_cooldown(deployments[name], entry, aliases) for name, entry in found]


def _cooldown(deployment: Any, entry: Any, aliases: Mapping[str, str]) -> Cooldown:
    params, model = deployment["litellm_params"], deployment["model_name"]
    return {
        "models": [model, *(alias for alias, target in aliases.items() if target == model and alias != model)],
        "deployment": params.get("model") or "",
        "address": params.get("api_base") or "",
        "why": str(entry["status_code"]),
        "since": float(entry["timestamp"]),
        "until": float(entry["timestamp"]) + float(entry["cooldown_time"]),
    }


def models_at_upstream(config: Config, settings: LiteLLMSettings) -> dict[str, set[str]]:
    """Return, for each model that clients use, its names at CLIProxyAPIPlus; models of other providers are left out.

    Args:
        config: The config.
        settings: LiteLLM's settings under a profile.
    """
    found: dict[str, set[str]] = {}
    for entry in settings.get("model_list", ()):
        params = entry["litellm_params"]
        if uses_upstream(config, params):
            found.setdefault(entry["model_name"], set()).add(without_provider(params["model"]))
    return found
