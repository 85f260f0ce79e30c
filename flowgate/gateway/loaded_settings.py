"""What LiteLLM has loaded, asked inside its process: the key, which never leaves it, and the names of models.

Source: LiteLLM 1.106.2, litellm/proxy/proxy_server.py: `master_key` holds the value after its config is loaded, also
when it comes from a secret manager; `llm_router` is the router that answers.
"""

from __future__ import annotations

import sys
from typing import Any

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
    router: Any = getattr(sys.modules.get(PROXY), "llm_router", None)
    refusal = getattr(sys.modules.get(LIBRARY), "BadRequestError", None)
    find = getattr(router, "_common_checks_available_deployment", None)
    if find is None or refusal is None:
        return True
    try:
        find(model=name, request_kwargs={})
    except refusal:
        return _falls_back(router, name)
    except Exception:  # noqa: BLE001 - LiteLLM's own code: whatever it raises, it decides
        return True
    return True


def _falls_back(router: Any, name: str) -> bool:
    """Return whether a name that has no deployment has fallbacks; LiteLLM uses them if it has any pattern."""
    if not getattr(getattr(router, "pattern_router", None), "patterns", None):
        return False
    return any(isinstance(one, dict) and name in one for one in getattr(router, "fallbacks", None) or ())
