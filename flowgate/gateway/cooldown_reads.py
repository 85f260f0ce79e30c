"""How often a worker reads the cooldowns of others again in the Redis server of its router.

Source: LiteLLM 1.108.7, router_utils/cooldown_cache.py and caching/dual_cache.py: a worker asks for the cooldown of a
deployment with a request for it, and at most once in this time; a read that failed is repeated with the next request,
whatever the time is. LiteLLM reads the variable when it is imported; it takes 10 s if it is 0, and its own second if it
is no number.
"""

from __future__ import annotations

import math

from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway import shared_redis

VARIABLE = "DEFAULT_COOLDOWN_REDIS_READ_INTERVAL_SECONDS"
SECONDS = 0.1  # measured with three gateways: what a cooldown costs in attempts is then what one gateway makes
LIBRARY_SECONDS = 1.0
ZERO_SECONDS = 10.0
NEVER_SECONDS = 1e9  # `nan` and `inf`: LiteLLM reads once
SHORTEST_SECONDS = 0.001  # 0 would mean 10 s
SETTING = f"services.litellm.env.{VARIABLE}"


def variables(config: Config) -> dict[str, str]:
    """Return the variable that FlowGate sets; none without a Redis server, or if the config sets its own.

    All profiles of a config get it if one of them names a server: a fork server has imported LiteLLM with it or without
    it, and a switch to a profile that needs the other would wait for another import.

    Args:
        config: The config.
    """
    named = map(shared_redis.is_named, (config.litellm_base, *config.profiles.values()))
    if VARIABLE in config.services["litellm"].env or not any(named):
        return {}
    return {VARIABLE: f"{SECONDS:g}"}


def seconds(config: Config) -> float:
    """Return the time that is in force where a profile names a Redis server.

    Args:
        config: The config.
    """
    written = config.services["litellm"].env.get(VARIABLE)
    if written is None:
        return SECONDS
    try:
        found = float(written.strip())
    except ValueError:  # also a reference to a variable, whose value is not known here
        return LIBRARY_SECONDS
    if found == 0:
        return ZERO_SECONDS
    return NEVER_SECONDS if math.isnan(found) else min(max(found, 0.0), NEVER_SECONDS)


def changes(config: Config, settings: LiteLLMSettings) -> list[str]:
    """Say what FlowGate sets, or what the config's own value means; nothing without a Redis server.

    Args:
        config: The config.
        settings: LiteLLM's settings under a profile.
    """
    if not shared_redis.is_named(settings):
        return []
    if VARIABLE not in config.services["litellm"].env:
        why = "each worker would read the cooldowns of others only once a second"
        return [f"{SETTING}: {SECONDS:g} is added: {why}"]
    return [f"{SETTING} is kept: each worker reads the cooldowns of others again after {seconds(config):g} s"]
