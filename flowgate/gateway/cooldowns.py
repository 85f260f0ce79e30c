"""Which models LiteLLM has put to sleep: asked inside its process, and what the answer means.

Source: LiteLLM 1.106.2, litellm/router_utils/cooldown_cache.py: one entry a deployment, with `timestamp` and
`cooldown_time` in seconds; `exception_received` may quote a vendor's words and is not handed out
"""

from __future__ import annotations

import sys
from typing import Any

from flowgate.domain import Config, Tree
from flowgate.gateway.litellm import uses_upstream, without_provider

PROXY = "litellm.proxy.proxy_server"


async def active() -> list[Tree]:
    """List the deployments that the router of this process leaves out for now.

    Returns:
        Rows of models (the names that clients ask for), deployment, address, why (the status), since and
        until (seconds since 1970); none without a router.
    """
    router: Any = getattr(sys.modules.get(PROXY), "llm_router", None)
    if router is None:
        return []
    deployments = {str(one["model_info"]["id"]): one for one in router.model_list}
    found = await router.cooldown_cache.async_get_active_cooldowns(list(deployments), None)
    return [_row(deployments[name], entry) for name, entry in found]


def _row(deployment: Any, entry: Any) -> Tree:
    params = deployment["litellm_params"]
    return {
        "models": [deployment["model_name"]],
        "deployment": params.get("model") or "",
        "address": params.get("api_base") or "",
        "why": str(entry["status_code"]),
        "since": float(entry["timestamp"]),
        "until": float(entry["timestamp"]) + float(entry["cooldown_time"]),
    }


def models_at_upstream(config: Config, tree: Tree) -> dict[str, set[str]]:
    """Say what each model that clients ask for is called at CLIProxyAPIPlus; models of other providers are left out.

    Args:
        tree: A profile's LiteLLM settings.
    """
    found: dict[str, set[str]] = {}
    for entry in tree.get("model_list", ()):
        params = entry.get("litellm_params", {})
        if uses_upstream(config, params):
            found.setdefault(str(entry.get("model_name")), set()).add(without_provider(params.get("model", "")))
    return found
