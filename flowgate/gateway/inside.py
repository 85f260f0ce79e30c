"""What FlowGate does inside LiteLLM's process: hooks that a worker runs, named in LiteLLM's program."""

from __future__ import annotations

import logging
import sys

from flowgate.gateway import (
    cooldown_rules,
    failing_imports,
    missing_database,
    router_attempts,
    router_inside,
    stream_timeouts,
    usage_reports,
)
from flowgate.request_filter.upstreams import Upstreams
from flowgate.system.processes import own_variable

ROUTER = "litellm.router"
COOLDOWNS = "litellm.router_utils.cooldown_handlers"
ERRORS = "litellm.exceptions"
LOGGING = "litellm.litellm_core_utils.litellm_logging"
DATABASE_ERRORS = "litellm.proxy.db.exception_handler"
LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


def set_up(upstreams: Upstreams) -> dict[str, str]:
    """Change LiteLLM so that it reports attempts and tokens, counts only failures of deployments, and knows time-outs.

    Args:
        upstreams: The services that deployments are behind.

    Returns:
        What could not be done ("attempts", "cooldowns", "stream_timeouts", "usage"), and why.
    """
    _apply_log_level(own_variable("LITELLM_LOG"))
    failing_imports.remember()
    missing_database.install(getattr(sys.modules.get(DATABASE_ERRORS), "PrismaDBExceptionHandler", None))
    router_class = getattr(sys.modules.get(ROUTER), "Router", None)
    found = {
        "attempts": router_attempts.install(router_class, upstreams),
        "cooldowns": cooldown_rules.install(sys.modules.get(COOLDOWNS), upstreams),
        "stream_timeouts": stream_timeouts.install(
            sys.modules.get(ROUTER), getattr(sys.modules.get(ERRORS), "Timeout", None)
        ),
        "usage": usage_reports.install(sys.modules.get(LOGGING)),
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
    router = router_inside.current()
    for one in router_inside.deployments(router):
        if upstreams.service_at(router_inside.address(one)) == service:
            router_inside.end_cooldown(router, one)
    return {}


def _apply_log_level(level: str) -> None:
    """Give LiteLLM's loggers the level of LITELLM_LOG, which LiteLLM applies only behind its own command line."""
    if level.upper() in logging.getLevelNamesMapping():
        for name in LOGGERS:
            logging.getLogger(name).setLevel(level.upper())
