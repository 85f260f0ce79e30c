"""Let a stream that stays silent until its time-out count as a time-out: a change inside LiteLLM's process.

Source: LiteLLM 1.106.2 and 1.108.7, litellm/router.py: `_mid_stream_retry_trigger` returns the error by which the
router decides how often it retries a stream that failed before its first chunk. For a time-out it is httpx's own, or an
`APIConnectionError`; LiteLLM's retry policies know neither, so `num_retries` applies and not `TimeoutErrorRetries`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flowgate.gateway import failure_causes

TRIGGER = "_mid_stream_retry_trigger"
INSTALLED = "flowgate_wrapper"
TIMED_OUT = "TimeoutException"  # httpx's base class of all time-outs


def install(router_module: Any, timeout_class: Any) -> str:
    """Wrap LiteLLM's choice of the error that decides about retries.

    Args:
        router_module: LiteLLM's module of the router; None when it has none.
        timeout_class: LiteLLM's `Timeout`; None when it has none.

    Returns:
        Why such a stream counts as LiteLLM pleases; empty when it counts as a time-out.
    """
    trigger = getattr(router_module, TRIGGER, None)
    if not callable(trigger) or not callable(timeout_class):
        return f"this LiteLLM has no {TRIGGER}"
    if not hasattr(trigger, INSTALLED):
        setattr(router_module, TRIGGER, _wrapped(trigger, timeout_class))
    return ""


def _wrapped(trigger: Callable[[Any], Exception], timeout_class: Callable[..., Exception]) -> Callable[..., Exception]:
    @wraps(trigger)
    def counted(error: Any) -> Exception:
        found = trigger(error)
        if isinstance(found, timeout_class) or not has_timed_out(found):  # type: ignore[arg-type]
            return found
        words = {"model": getattr(error, "model", ""), "llm_provider": getattr(error, "llm_provider", "")}
        return timeout_class(message=str(found), **words)

    setattr(counted, INSTALLED, True)
    return counted


def has_timed_out(error: BaseException) -> bool:
    """Return whether a provider stayed silent until the time-out; a lack of connections is none.

    Args:
        error: The failure.
    """
    if failure_causes.shortage(error):
        return False
    return any(base.__name__ == TIMED_OUT for one in failure_causes.chain(error) for base in type(one).__mro__)
