"""LiteLLM's router, asked line by line: the proxy's way, so that a question has one logging object for all attempts.

Reads JSON lines: {"settings": …} makes a router anew, {"ask": MODEL, "stream": …} puts a question; answers
each with a line.
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

LIBRARY = ("allowed_fails", "num_retries", "fallbacks", "request_timeout")
BEFORE = {name: getattr(litellm, name) for name in LIBRARY}


def made(tree: dict[str, Any]) -> Any:
    """Make a router as the proxy does: the library's settings first."""
    for key, value in {**BEFORE, **(tree.get("litellm_settings") or {})}.items():
        setattr(litellm, key, value)
    settings = tree.get("router_settings") or {}
    return Router(model_list=tree["model_list"], ignore_invalid_deployments=True, **settings)


async def ask(router: Any, model: str, stream: bool) -> dict[str, Any]:
    """Put one question; of a stream that breaks off, what came is given beside the error."""
    data: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "hi"}], "metadata": {}}
    data["litellm_call_id"] = str(uuid.uuid4())
    log, data = function_setup("acompletion", Rules(), datetime.now(), **data)
    began = time.monotonic()
    said: dict[str, Any] = {"by": None, "error": None}
    try:
        answer = await router.acompletion(**data, stream=stream, litellm_logging_obj=log)
        if stream:
            async for piece in answer:
                said["by"] = (said["by"] or "") + (piece.choices[0].delta.content or "")
        else:
            said["by"] = answer.choices[0].message.content
    except Exception as fault:  # noqa: BLE001 - whatever the router says is what this program is asked for
        said["error"] = type(fault).__name__
    return {**said, "seconds": time.monotonic() - began}


async def main() -> None:
    """Answer line by line, on one loop: the router's clients belong to it."""
    litellm.suppress_debug_info = True
    logging.disable(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    out, sys.stdout = sys.stdout, sys.stderr  # LiteLLM prints
    router: Any = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        if "settings" in order:
            router, answer = made(order["settings"]), {}
        else:
            answer = await ask(router, order["ask"], order.get("stream", False))
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
