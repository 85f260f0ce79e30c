"""LiteLLM's cooldowns, read inside its process.

Source: LiteLLM 1.106.2 and 1.108.7, litellm/router_utils/cooldown_cache.py: one entry per deployment, with
`timestamp` and `cooldown_time` in seconds; `exception_received` may quote a vendor's message and is not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway import router_inside
from flowgate.gateway.upstream_deployments import uses_upstream, without_provider


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
    router = router_inside.current()
    if router is None:
        return []
    aliases = router_inside.aliases(router)
    return [_cooldown(deployment, entry, aliases) for deployment, entry in await router_inside.cooldowns(router)]


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
