"""What several workers make of a profile's promises: LiteLLM counts failures in each process, unless it has a Redis.

Source: LiteLLM 1.108.7, router_utils/cooldown_handlers.py and cooldown_cache.py: with a Redis in `router_settings`, the
failures that `allowed_fails` counts and the cooldowns are kept there; a process reads the cooldowns of others again
after a second (DEFAULT_COOLDOWN_REDIS_READ_INTERVAL_SECONDS).
"""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import LiteLLMSettings
from flowgate.gateway import litellm_behaviour, shared_redis
from flowgate.gateway.policy import CLIPROXY, Policy

READ_AGAIN_SECONDS = 1


def applied(policy: Policy, workers: int, version: str) -> Policy:
    """Return a policy with the promises that so many workers can keep.

    Args:
        policy: The compiled profile.
        workers: Processes of one generation.
        version: The version of LiteLLM; empty if it is not known.
    """
    if workers == 1 or policy.promises.cooldown_after is None or policy.cooldowns_by == CLIPROXY:
        return policy  # CLIProxyAPIPlus is one process, whoever asks it
    shares = uses_redis(policy.litellm) and litellm_behaviour.holds(litellm_behaviour.SHARED_COUNTS, version)
    return replace(policy, promises=replace(policy.promises, workers=workers, shares_cooldowns=shares))


def uses_redis(settings: LiteLLMSettings) -> bool:
    """Return whether LiteLLM's router keeps its counts in a Redis server.

    Args:
        settings: LiteLLM's settings.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    return any(router.get(key) for key in shared_redis.KEYS)


def describe_redis(policy: Policy) -> list[str]:
    """Say what a Redis server that is away or hangs means for requests; nothing if the profile has none.

    Args:
        policy: The compiled profile.
    """
    if not uses_redis(policy.litellm):
        return []
    wait = shared_redis.wait_seconds(policy.litellm)
    return [
        f"if the Redis server is away, full or hangs, requests go on and each worker keeps its own cooldowns; LiteLLM "
        f"waits up to {wait:g} s for each of its answers (router_settings.cache_kwargs.socket_timeout), several times "
        "for a request"
    ]


def describe(policy: Policy) -> list[str]:
    """Say what several workers mean for the cooldowns, one sentence each; nothing for one worker.

    Args:
        policy: The compiled profile.
    """
    found = policy.promises
    count, after = found.workers, found.cooldown_after
    if count == 1 or after is None:
        return []
    if found.shares_cooldowns:
        return [
            f"{count} workers share failures and cooldowns in the Redis server of router_settings: the others know of "
            f"a cooldown within {READ_AGAIN_SECONDS} s, so it may take {found.failed_until_cooldown} failed requests",
            f"while the Redis server is away, each of the {count} workers counts by itself: a model may take "
            f"{count * after} failed requests until it is in cooldown everywhere",
        ]
    return [
        f"each of the {count} workers counts failures by itself: a model may take {found.failed_until_cooldown} failed "
        f"requests until it is in cooldown in all of them; a Redis server (router_settings.redis_host) is shared",
    ]
