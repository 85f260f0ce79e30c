"""What LiteLLM has loaded, asked inside its process: the key, which never leaves it, and the names of models.

Source: LiteLLM 1.106.2, litellm/proxy/proxy_server.py: `master_key` holds the value after its config is loaded, also
when it comes from a secret manager; `llm_router` is the router that answers.
"""

from __future__ import annotations

import sys
from typing import Any

from flowgate.gateway import router_inside

PROXY = "litellm.proxy.proxy_server"
LIBRARY = "litellm"


def accepted_keys() -> tuple[str, ...]:
    """Return the keys that this process's LiteLLM accepts; empty if it has none."""
    key = getattr(sys.modules.get(PROXY), "master_key", None)
    return (key,) if isinstance(key, str) and key else ()


def knows_model(name: str) -> bool:
    """Return whether LiteLLM's router finds a deployment for a name, or a fallback; True if it cannot be asked.

    Asked only before a name is refused: what LiteLLM makes of names depends on its lists of providers too.

    Args:
        name: What the client asked for.
    """
    router = router_inside.current()
    refusal = getattr(sys.modules.get(LIBRARY), "BadRequestError", None)
    if router is None or refusal is None:
        return True
    try:
        if router.pattern_router.patterns or router.default_deployment is not None:
            return _is_routed(router, name, refusal)
        known = (router.deployment_names, router.team_public_model_names)
        return bool(router.is_recognized_model(name) or any(name in names for names in known))
    except Exception:  # noqa: BLE001 - LiteLLM's own code, perhaps of another version: whatever it raises, it decides
        return True


def _is_routed(router: Any, name: str, refusal: type[Exception]) -> bool:
    """Return whether the router has a deployment or a fallback for a name; without patterns it is not even asked."""
    try:
        router._common_checks_available_deployment(model=name, request_kwargs={})
    except refusal:
        return any(isinstance(one, dict) and name in one for one in router.fallbacks or ())
    return True
