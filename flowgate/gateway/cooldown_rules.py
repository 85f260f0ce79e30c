"""Which failures count for LiteLLM's cooldowns: a change inside its process.

Source: LiteLLM 1.106.2 and 1.108.7, litellm/router_utils/cooldown_handlers.py: `set_cooldown_deployments`, called after
each failed attempt, counts it only if `_should_run_cooldown_logic` agrees. It counts every 404 and every 5xx, and a
connection that could not be opened is a 500 there. A request whose model has no deployment left is counted for the one
that answered it in the end: its fallback, which so goes into cooldown although it works.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from flowgate.gateway import failure_causes, router_inside
from flowgate.gateway.router_attempts import DeploymentUnreachable, note_late_failure
from flowgate.request_filter.upstreams import Upstreams

DECIDE = "_should_run_cooldown_logic"
INSTALLED = "flowgate_wrapper"
NEEDED = {"litellm_router_instance", "deployment", "original_exception"}


def install(handlers: Any, upstreams: Upstreams) -> str:
    """Wrap LiteLLM's decision whether a failure counts.

    Args:
        handlers: LiteLLM's module of cooldowns; None when it has none.
        upstreams: The services that deployments are behind.

    Returns:
        Why the decision is LiteLLM's alone; empty when it is wrapped.
    """
    decide = getattr(handlers, DECIDE, None)
    if not callable(decide) or not inspect.signature(decide).parameters.keys() >= NEEDED:
        return f"this LiteLLM has no {DECIDE}"
    if not hasattr(decide, INSTALLED):
        setattr(handlers, DECIDE, _wrapped(decide, upstreams))
    return ""


def _wrapped(decide: Callable[..., bool], upstreams: Upstreams) -> Callable[..., bool]:
    signature = inspect.signature(decide)

    @wraps(decide)
    def should_count(*args: Any, **kwargs: Any) -> bool:
        given = signature.bind(*args, **kwargs).arguments
        error = given["original_exception"]
        if isinstance(error, BaseException):
            note_late_failure(str(given["deployment"]), error)
            base = router_inside.address_of(given["litellm_router_instance"], given["deployment"])
            if is_excused(error, base, upstreams):
                return False
        return decide(*args, **kwargs)

    setattr(should_count, INSTALLED, True)
    return should_count


def is_excused(error: BaseException, base: str, upstreams: Upstreams) -> bool:
    """Return whether a deployment is not to blame for a failure: it counts for nothing.

    Args:
        error: The failure.
        base: The deployment's address.
        upstreams: The services that deployments are behind.
    """
    if isinstance(error, DeploymentUnreachable) or failure_causes.shortage(error):
        return True
    if failure_causes.is_missing_route(error) or failure_causes.nobody_was_asked(error):
        return True
    service = upstreams.service_at(base)
    is_away = service in upstreams.down or service in upstreams.restarting
    return bool(service) and (is_away or failure_causes.was_refused(error))
