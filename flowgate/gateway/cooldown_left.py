"""How long a model that is in cooldown stays so: what LiteLLM's 429 tells the client.

Source: LiteLLM 1.108.7, `CooldownCache.get_min_cooldown` and `_apply_router_cooldown_retry_after`: its own 429 ("No
deployments available") names the whole length of the shortest cooldown in `Retry-After` and in its text, whatever is
left of it; `cooldown_time` of the exception is what it reads.
"""

from __future__ import annotations

import math
from typing import Any

from flowgate.gateway import router_inside
from flowgate.system.clock import Clock

ERROR = "RouterRateLimitError"


async def correct(router: Any, error: BaseException) -> None:
    """Let an error that no deployment is left name the time until the first one comes back, if it is shorter.

    Args:
        router: The router that raised it.
        error: The error; others are left as they are.
    """
    told = getattr(error, "cooldown_time", None)
    if type(error).__name__ != ERROR or not isinstance(told, int | float):
        return
    try:
        left = await _seconds_left(router, str(getattr(error, "model", "")))
    except Exception:  # noqa: BLE001 - whatever the router holds, the request must fail by its own error
        return
    if left is None or not 0 < left < told:
        return
    shown = max(1, math.ceil(left))
    error.cooldown_time = shown  # type: ignore[attr-defined]
    old, new = f"Try again in {told} seconds", f"Try again in {shown} seconds"
    error.args = tuple(one.replace(old, new) if isinstance(one, str) else one for one in error.args)


async def _seconds_left(router: Any, model: str) -> float | None:
    """Return the seconds until the first deployment of a model comes back; None if none is in cooldown."""
    names = {model, router_inside.aliases(router).get(model, model)}
    now = Clock().wall().timestamp()
    left = [
        float(entry["timestamp"]) + float(entry["cooldown_time"]) - now
        for deployment, entry in await router_inside.cooldowns(router)
        if deployment["model_name"] in names
    ]
    return min(left, default=None)
