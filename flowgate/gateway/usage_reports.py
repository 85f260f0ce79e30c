"""Record tokens and cost of each answer, inside LiteLLM's process, in the row of the request that it belongs to.

Source: LiteLLM 1.108.7, litellm/litellm_core_utils/litellm_logging.py: once for every answer of a deployment, on every
endpoint and at the end of a stream, `emit_standard_logging_payload` gets the standard logging payload, in the context
of the request. A callback would get the same later, costs more, and is left out for a request with `no-log`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.recent import Usage

EMIT = "emit_standard_logging_payload"
INSTALLED = "flowgate_wrapper"
PRICES = ("input_cost_per_token", "output_cost_per_token", "input_cost_per_image", "output_cost_per_image")


def install(module: Any) -> str:
    """Wrap the function that gets the payload of every answer.

    Args:
        module: LiteLLM's module of logging; None when it has none.

    Returns:
        Why tokens and cost are not known; empty when they are.
    """
    emit = getattr(module, EMIT, None)
    if not callable(emit):
        return f"this LiteLLM has no {EMIT}"
    if not hasattr(emit, INSTALLED):
        setattr(module, EMIT, _wrapped(emit))
    return ""


def _wrapped(emit: Callable[..., object]) -> Callable[..., object]:
    @wraps(emit)
    def emitted(payload: Any, *args: Any, **kwargs: Any) -> object:
        row = CURRENT.get()
        if row is not None and payload.get("status") == "success":
            attempts = row.get("attempts")
            found = usage(payload, behind_service=bool(attempts and attempts[-1].get("service")))
            row["usage"] = added(row["usage"], found) if "usage" in row else found
        return emit(payload, *args, **kwargs)

    setattr(emitted, INSTALLED, True)
    return emitted


def usage(payload: Mapping[str, Any], *, behind_service: bool) -> Usage:
    """Return tokens and cost of an answer.

    Args:
        payload: LiteLLM's standard logging payload.
        behind_service: The deployment is behind a service of the gateway, which uses accounts: nothing is billed.
    """
    counted = (payload.get("metadata") or {}).get("usage_object") or {}
    cost, price = _cost(payload)
    return {
        "prompt": _count(payload.get("prompt_tokens")),
        "completion": _count(payload.get("completion_tokens")),
        "cached": _detail(counted, "prompt_tokens_details", "cached_tokens"),
        "reasoning": _detail(counted, "completion_tokens_details", "reasoning_tokens"),
        "cost": cost,
        "price": "subscription" if behind_service and cost is not None else price,
        "provider": str(payload.get("custom_llm_provider") or ""),
    }


def added(one: Usage, more: Usage) -> Usage:
    """Return the sum of two answers to one request.

    Args:
        one: The first answer.
        more: The other one.
    """
    costs = [cost for cost in (one["cost"], more["cost"]) if cost is not None]
    return {
        "prompt": one["prompt"] + more["prompt"],
        "completion": one["completion"] + more["completion"],
        "cached": one["cached"] + more["cached"],
        "reasoning": one["reasoning"] + more["reasoning"],
        "cost": sum(costs) if costs else None,
        "price": more["price"],
        "provider": more["provider"],
    }


def _cost(payload: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return the cost, and whose price it is; LiteLLM says 0 for a model without a price."""
    cost = payload.get("response_cost")
    known = (payload.get("model_map_information") or {}).get("model_map_value") or {}
    if isinstance(cost, (int, float)) and cost > 0:
        # The price of a deployment's own is listed under the deployment's id.
        return float(cost), "config" if known.get("key") == payload.get("model_id") else "list"
    if payload.get("cache_hit") or any(known.get(name) for name in PRICES):
        return 0.0, "list"
    return None, "unknown"


def _detail(counted: Any, group: str, name: str) -> int:
    details = counted.get(group) if isinstance(counted, Mapping) else None
    return _count(details.get(name)) if isinstance(details, Mapping) else 0


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
