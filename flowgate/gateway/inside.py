"""What FlowGate does inside LiteLLM's process: hooks that a worker runs, named in LiteLLM's program."""

from __future__ import annotations

import logging
import sys
from typing import Any

from flowgate.gateway import cooldown_rules, missing_database, router_attempts, stream_timeouts
from flowgate.request_filter.upstreams import Upstreams
from flowgate.system.processes import own_variable

PROXY = "litellm.proxy.proxy_server"
ROUTER = "litellm.router"
COOLDOWNS = "litellm.router_utils.cooldown_handlers"
ERRORS = "litellm.exceptions"
DATABASE_ERRORS = "litellm.proxy.db.exception_handler"
LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


def set_up(upstreams: Upstreams) -> dict[str, str]:
    """Change LiteLLM's router so that it reports attempts, counts only failures of deployments, and knows time-outs.

    Args:
        upstreams: The services that deployments are behind.

    Returns:
        What could not be done ("attempts", "cooldowns", "stream_timeouts"), and why.
    """
    _apply_log_level(own_variable("LITELLM_LOG"))
    missing_database.install(getattr(sys.modules.get(DATABASE_ERRORS), "PrismaDBExceptionHandler", None))
    router_class = getattr(sys.modules.get(ROUTER), "Router", None)
    found = {
        "attempts": router_attempts.install(router_class, upstreams),
        "cooldowns": cooldown_rules.install(sys.modules.get(COOLDOWNS), upstreams),
        "stream_timeouts": stream_timeouts.install(
            sys.modules.get(ROUTER), getattr(sys.modules.get(ERRORS), "Timeout", None)
        ),
    }
    return {name: reason for name, reason in found.items() if reason}


def clear_cooldowns(upstreams: Upstreams, service: str) -> dict[str, str]:
    """End the cooldowns of the deployments behind a service whose state has changed.

    Args:
        upstreams: The services that deployments are behind.
        service: The service.

    Returns:
        Nothing: it cannot fail in a way that would matter to clients.
    """
    router: Any = getattr(sys.modules.get(PROXY), "llm_router", None)
    for one in getattr(router, "model_list", None) or ():
        params, info = one.get("litellm_params") or {}, one.get("model_info") or {}
        if upstreams.service_at(str(params.get("api_base") or "")) == service:
            cache = router.cooldown_cache
            cache.in_memory_cache.delete_cache(cache.get_cooldown_cache_key(str(info.get("id"))))
    return {}


def _apply_log_level(level: str) -> None:
    """Give LiteLLM's loggers the level of LITELLM_LOG, which LiteLLM applies only behind its own command line."""
    if level.upper() in logging.getLevelNamesMapping():
        for name in LOGGERS:
            logging.getLogger(name).setLevel(level.upper())
