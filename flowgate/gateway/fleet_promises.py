"""What several gateways make of a profile's promises: each keeps its own counts, unless LiteLLM has a Redis.

Source: LiteLLM 1.108.7, as for several workers (`worker_promises`): each worker of each gateway counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowgate.gateway import promises, worker_promises
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises
from flowgate.gateway.worker_promises import known_in_time, uses_redis

HIGHEST = 10_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """What so many gateways promise together.

    Attributes:
        gateways: How many there are.
        shared: They share failures and cooldowns in a Redis server, of models that are the same on all of them.
        failed_until_cooldown: Failed requests until a model is in cooldown on all of them, at most; 0: it never is.
        attempts_per_minute: Attempts on a failed model in any minute, at most; None without cooldowns.
        in_words: The same, one sentence for each promise.
    """

    gateways: int
    shared: bool
    failed_until_cooldown: int
    attempts_per_minute: int | None
    in_words: tuple[str, ...]


def of_gateways(policy: Policy, gateways: int, workers: int, remote: str = "", own_models: Sequence[str] = ()) -> Fleet:
    """Return what several gateways make of a profile's promises.

    Args:
        policy: The profile, compiled for one gateway.
        gateways: How many there are.
        workers: Processes of each.
        remote: The address of the CLIProxyAPIPlus that they share; empty if each has its own, or none.
        own_models: Models that each gateway counts for itself also with a Redis server.
    """
    one = replace(policy, promises=replace(policy.promises, workers=1, shares_cooldowns=False))
    each = worker_promises.applied(one, workers, policy.declared.version).promises
    whole = worker_promises.applied(one, gateways * workers, policy.declared.version).promises
    own = own_models if whole.shares_cooldowns else ()
    lines = [
        "retries, fallbacks, time-outs and the retry budget hold for each request, on whichever gateway it arrives"
    ]
    if not own or set(promises.models(policy.litellm)).difference(own):
        lines += _cooldowns(policy, gateways, workers, whole)
    failed = gateways * each.failed_until_cooldown if own else whole.failed_until_cooldown
    lines += _not_shared(own, failed)
    most = None
    if whole.cooldown_after is not None and policy.cooldowns_by != CLIPROXY:
        most = gateways * each.attempts_per_minute if own else whole.attempts_per_minute
        said = f"successive requests make at most {most} attempts per minute on a failed model, over all gateways"
        alone = one.promises.attempts_per_minute
        apart = f"; further apart than {whole.read_again_seconds:g} s, at most {alone}"
        lines.append(said + (apart if whole.shares_cooldowns and not own else ""))
    lines.append(
        "limits of client keys and budgets are counted by each gateway, also with a Redis server: over all, a client "
        f"may ask and spend {gateways} times as much"
    )
    lines.append(_southbound(gateways, remote))
    return Fleet(gateways, whole.shares_cooldowns, failed, most, tuple(lines))


def _not_shared(models: Sequence[str], failed: int) -> list[str]:
    if not models:
        return []
    return [
        f"{', '.join(models)}: not shared in the Redis server, because each gateway reaches them through a "
        f"CLIProxyAPIPlus and accounts of its own: {failed} failed requests until they are in cooldown on all of them; "
        "services.cliproxyapi_plus.remote, or an equal model_info.id on all gateways, shares them"
    ]


def _cooldowns(policy: Policy, gateways: int, workers: int, whole: Promises) -> list[str]:
    if policy.promises.cooldown_after is None:
        return ["no cooldowns: during an outage every request makes all attempts, on each gateway"]
    if policy.cooldowns_by == CLIPROXY:
        return ["CLIProxyAPIPlus applies cooldowns: they hold for the gateways that share it"]
    each = f"{gateways} gateways" if workers == 1 else f"{gateways} gateways of {workers} workers"
    alone = gateways * workers * policy.promises.cooldown_after
    if whole.shares_cooldowns:
        return [
            f"{each} share failures and cooldowns in the Redis server of router_settings: the others know of a "
            f"cooldown within {whole.read_again_seconds:g} s; {known_in_time(whole)}",
            f"while the Redis server is away, each counts by itself: {alone} failed requests until all know",
        ]
    older = " (this LiteLLM does not count together in it)" if uses_redis(policy.litellm) else ""
    return [
        f"without a Redis server each of {each} counts failures by itself{older}: a model may take "
        f"{whole.failed_until_cooldown} failed requests until it is in cooldown on all of them; "
        "router_settings.redis_host and redis_port share them",
    ]


def _southbound(gateways: int, remote: str) -> str:
    if remote:
        return f"all {gateways} use the accounts at {remote}, whose own limits and cooldowns hold for them together"
    return (
        f"each of the {gateways} needs accounts of its own: two hosts must never share an auth folder; to share "
        "accounts, let one host run CLIProxyAPIPlus and name it in services.cliproxyapi_plus.remote"
    )
