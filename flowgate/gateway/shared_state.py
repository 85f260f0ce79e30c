"""Complete a profile whose routers share their state in a Redis server, and say what was added."""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import Config
from flowgate.gateway import cooldown_reads, shared_deployments, shared_redis
from flowgate.gateway.policy import Policy


def completed(config: Config, policy: Policy) -> Policy:
    """Return a policy with bounds for a Redis server that hangs, and with what makes gateways share their cooldowns.

    Args:
        config: The config.
        policy: The compiled profile.
    """
    settings, bounds = shared_redis.bounded(policy.litellm)
    changes = [*bounds, *cooldown_reads.changes(config, settings), *shared_deployments.changes(config, settings)]
    promises = replace(policy.promises, read_again_seconds=cooldown_reads.seconds(config))
    return replace(policy, litellm=settings, promises=promises, changes=(*policy.changes, *changes))
