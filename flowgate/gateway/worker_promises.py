"""What several workers make of a profile's promises: LiteLLM counts failures in each process, unless it has a Redis.

Source: LiteLLM 1.108.7, router_utils/cooldown_handlers.py and cooldown_cache.py: with a Redis in `router_settings`, the
failures that `allowed_fails` counts and the cooldowns are kept there; a process reads the cooldowns of others again
after a time that FlowGate shortens (`cooldown_reads`).
"""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import LiteLLMSettings
from flowgate.gateway import litellm_behaviour, shared_redis
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises


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
    return shared_redis.is_named(settings)


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


def known_in_time(found: Promises) -> str:
    """Say how many failed requests it takes where failures and cooldowns are shared.

    Args:
        found: What all that share them promise.
    """
    return (
        f"requests one after another, and further apart than that, find it after {found.cooldown_after} failed "
        f"requests, closer ones after up to {found.failed_until_cooldown}"
    )


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
            f"a cooldown within {found.read_again_seconds:g} s; {known_in_time(found)}",
            f"while the Redis server is away, each of the {count} workers counts by itself: a model may take "
            f"{count * after} failed requests until it is in cooldown everywhere",
        ]
    return [
        f"each of the {count} workers counts failures by itself: a model may take {found.failed_until_cooldown} failed "
        f"requests until it is in cooldown in all of them; a Redis server (router_settings.redis_host) is shared",
    ]
