"""The key that LiteLLM accepts, read inside its process: it never leaves it.

Source: LiteLLM 1.106.2, litellm/proxy/proxy_server.py: `master_key` holds the value after its config is loaded, also
when it comes from a secret manager.
"""

from __future__ import annotations

import sys

PROXY = "litellm.proxy.proxy_server"


def accepted() -> tuple[str, ...]:
    """Return the keys that this process's LiteLLM accepts; empty if it has none."""
    key = getattr(sys.modules.get(PROXY), "master_key", None)
    return (key,) if isinstance(key, str) and key else ()
