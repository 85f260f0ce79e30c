"""LiteLLM's routing as a process: which names it answers, and which the request filter would refuse.

It reads a JSON list of [settings, names] from stdin, and prints one of [name, answered, known] for each.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import litellm
from litellm.proxy import proxy_server
from litellm.proxy.route_llm_request import route_request
from litellm.router import Router

from flowgate.gateway import loaded_settings

logging.disable(logging.CRITICAL)


async def is_answered(router: Any, name: str) -> bool:
    """Return whether the proxy answers a name; a canned response takes the provider's place."""
    data = {"model": name, "messages": [{"role": "user", "content": "hi"}], "mock_response": "ok", "metadata": {}}
    try:
        await (await route_request(data, router, None, "acompletion"))
    except Exception:  # noqa: BLE001 - LiteLLM has many exceptions for a name that it does not know
        return False
    return True


async def main() -> None:
    found = []
    for settings, names in json.load(sys.stdin):
        router = Router(model_list=settings["model_list"], **settings.get("router_settings", {}))
        proxy_server.llm_router = router
        found.append([(name, await is_answered(router, name), loaded_settings.knows_model(name)) for name in names])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    asyncio.run(main())
