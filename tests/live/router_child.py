"""LiteLLM's router as a process that takes commands on stdin, with FlowGate's changes unless `--bare` is given.

It calls the router as the proxy does: one logging object per request, shared by all attempts. Each command is a line of
JSON: {"settings": ...} creates a new router, {"ask": MODEL, "stream": ...} sends a request, {"messages": MODEL} a
stream by way of `/v1/messages`. Each reply is one line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
import uuid
from datetime import datetime
from typing import Any

import litellm
from litellm.litellm_core_utils.rules import Rules
from litellm.router import Router
from litellm.utils import function_setup

from flowgate.gateway import inside
from flowgate.request_filter.upstreams import Upstreams

LIBRARY = ("allowed_fails", "num_retries", "fallbacks", "request_timeout")
DEFAULTS = {name: getattr(litellm, name) for name in LIBRARY}


def create_router(tree: dict[str, Any]) -> Any:
    """Create a router as the proxy does: the library's settings first."""
    for key, value in {**DEFAULTS, **(tree.get("litellm_settings") or {})}.items():
        setattr(litellm, key, value)
    settings = tree.get("router_settings") or {}
    return Router(model_list=tree["model_list"], ignore_invalid_deployments=True, **settings)


async def ask(router: Any, model: str, stream: bool) -> dict[str, Any]:
    """Send one request. If a stream breaks off, the reply has both the received text and the error."""
    data: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}], "metadata": {}}
    data["litellm_call_id"] = str(uuid.uuid4())
    log, data = function_setup("acompletion", Rules(), datetime.now(), **data)
    began = time.monotonic()
    reply: dict[str, Any] = {"by": None, "error": None}
    try:
        response = await router.acompletion(**data, stream=stream, litellm_logging_obj=log)
        if stream:
            async for chunk in response:
                reply["by"] = (reply["by"] or "") + (chunk.choices[0].delta.content or "")
        else:
            reply["by"] = response.choices[0].message.content
    except Exception as error:  # noqa: BLE001 - the tests want to see every error of the router
        reply["error"] = type(error).__name__
    return {**reply, "seconds": time.monotonic() - began}


async def ask_messages(router: Any, model: str) -> dict[str, Any]:
    """Send one streamed request by way of `/v1/messages`."""
    words: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "litellm_metadata": {}}
    try:
        async for _ in await router.aanthropic_messages(model=model, stream=True, **words):
            pass
    except Exception as error:  # noqa: BLE001 - the tests want to see every error of the router
        return {"error": type(error).__name__}
    return {"error": None}


async def main() -> None:
    """Execute one command after another on one event loop, because the router's HTTP clients are bound to it."""
    litellm.suppress_debug_info = True
    logging.disable(logging.CRITICAL)
    if "--bare" not in sys.argv:
        assert not inside.set_up(Upstreams())
    loop = asyncio.get_running_loop()
    out, sys.stdout = sys.stdout, sys.stderr  # LiteLLM prints to stdout
    router: Any = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        reply: dict[str, Any] = {}
        if "settings" in command:
            router = create_router(command["settings"])
        elif "messages" in command:
            reply = await ask_messages(router, command["messages"])
        else:
            reply = await ask(router, command["ask"], command.get("stream", False))
        print(json.dumps(reply), file=out, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
