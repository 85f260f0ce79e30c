"""What a profile promises, computed from the settings that LiteLLM gets.

Source: LiteLLM 1.106.2 and 1.108.7 (router.py, router_utils/cooldown_handlers.py), measured on its router in-process:
behind its proxy it counts failed requests, not attempts, so the cooldown starts at the first failed request beyond
`allowed_fails`, and that request is not retried. It pauses after every failed attempt, also after the last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flowgate.domain import Deployment, LiteLLMSettings, RouterSettings
from flowgate.gateway.fallback_walk import Fallbacks, depth_limit
from flowgate.gateway.model_names import ModelNames, names_of
from flowgate.gateway.own_cooldowns import OwnCooldown
from flowgate.gateway.retry_counts import KINDS, RetryCounts

LIBRARY_FAILS, LIBRARY_TIMEOUT = 3, 6000.0
FIRST_PAUSE, LONGEST_PAUSE, JITTER = 0.5, 8.0, 0.75
RETRY_AFTER = 60.0  # LiteLLM waits for a vendor's Retry-After of up to a minute
LISTS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a client may wait, in seconds, while no model is in cooldown.

    Attributes:
        refused: Every model refuses at once.
        quiet: No model responds.
        bound: The worst case: every attempt fails just before its timeout and asks for a pause of a minute.
    """

    refused: float
    quiet: float
    bound: float


@dataclass(frozen=True, slots=True)
class Promises:
    """What a profile promises.

    Attributes:
        attempts: Attempts on one model for one request, at most.
        retries: Kind of failure ("refusal", "429", "timeout") → retries; a 401 or 404 is never retried.
        cooldown_after: Failed requests that start a cooldown; None if none do.
        cooldown_seconds: Length of a cooldown, unless the vendor's Retry-After sets another one.
        fallbacks: Model → the models that answer instead, in order; `*` stands for every other model.
        orders: Model → the model names of its deployments, in the order of use.
        request_timeout: Seconds for one attempt; `stream_timeout`: until the first chunk, and between two.
        waits: How long a client may wait.
        length: Deployments that one request may go through, fallbacks included.
        workers: Processes that count failures; `shares_cooldowns`: together, known after `read_again_seconds`.
    """

    attempts: int
    retries: Mapping[str, int]
    cooldown_after: int | None
    cooldown_seconds: float
    fallbacks: Mapping[str, tuple[str, ...]]
    orders: Mapping[str, tuple[str, ...]]
    request_timeout: float
    stream_timeout: float
    waits: Waits
    length: int
    workers: int = 1
    shares_cooldowns: bool = False
    read_again_seconds: float = 1.0

    @property
    def failed_until_cooldown(self) -> int:
        """Failed requests until a model is in cooldown in every worker, at most; 0 if it never is."""
        after, workers = self.cooldown_after or 0, self.workers
        return after + workers - 1 if self.shares_cooldowns else after * workers

    def attempts_until_cooldown(self, tries: int) -> int:
        """Return the attempts until a model is in cooldown in every worker, at most, if a request makes `tries`."""
        last = self.workers if self.cooldown_after else 0  # the request that starts a cooldown is not retried
        return (self.failed_until_cooldown - last) * tries + last

    @property
    def attempts_per_minute(self) -> int:
        """Attempts on a failed model in any minute of an outage, at most, for requests one after another."""
        if self.cooldown_after is None:
            raise ValueError("without cooldowns the number of attempts has no limit")
        return math.ceil(60 / max(self.cooldown_seconds, 1.0)) * self.attempts_until_cooldown(self.attempts)

    def of_model(self, own: OwnCooldown | None) -> Promises:
        """Return what is promised of a model whose deployments have cooldown settings of their own.

        Args:
            own: These settings; None if there are none.
        """
        if own is None or own.seconds is None:
            return self
        return replace(self, cooldown_after=self.cooldown_after if own.seconds else None, cooldown_seconds=own.seconds)


def read(settings: LiteLLMSettings) -> Promises:
    """Compute what settings promise.

    Args:
        settings: LiteLLM's settings; everything that counts is in `router_settings`.
    """
    router = settings.get("router_settings") or {}
    counts = RetryCounts(settings)
    cooldown_after = _cooldown_after(router)
    none = cooldown_after == 1 and not _has_alternatives(settings)  # the first failure starts the cooldown
    retries = {kind: 0 if none else counts.most(kind) for kind in KINDS}
    request = number(router.get("timeout"), LIBRARY_TIMEOUT)
    return Promises(
        attempts=1 + max(retries.values()),
        retries=retries,
        cooldown_after=cooldown_after,
        cooldown_seconds=number(router.get("cooldown_time"), 5.0),
        fallbacks=chains(router) if depth_limit(router) else {},
        orders={name: order for name in models(settings) if len(order := _order(settings, name)) > 1},
        request_timeout=_longest_of(settings, "timeout", request),
        stream_timeout=_longest_of(settings, "stream_timeout", number(router.get("stream_timeout"), request)),
        waits=_waits(settings, none, request),
        length=max(map(len, paths(settings).values()), default=0),
    )


def _longest_of(settings: LiteLLMSettings, key: str, default: float) -> float:
    """Return the longest time of a setting that each deployment may set for itself."""
    own = (dict(entry["litellm_params"]).get(key) for entry in settings.get("model_list", ()))
    return max([default, *(number(one, default) for one in own)])


def number(value: object, default: float) -> float:
    """Return a number as it is, anything else as the default."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def models(settings: LiteLLMSettings) -> tuple[str, ...]:
    """Return the names of the models that clients can use, without aliases."""
    return tuple(dict.fromkeys(entry["model_name"] for entry in settings.get("model_list", ())))


def deployments(settings: LiteLLMSettings, model: str) -> list[Deployment]:
    """Return the deployments of a model."""
    return [entry for entry in settings.get("model_list", ()) if entry["model_name"] == model]


def chains(section: Mapping[str, object], key: str = "fallbacks") -> dict[str, tuple[str, ...]]:
    """Return one list of fallbacks as model → fallbacks; `*` stands for every other model.

    Args:
        section: `router_settings` or `litellm_settings`.
        key: The name of the list.
    """
    found: dict[str, tuple[str, ...]] = {}
    lists, default = section.get(key), section.get("default_fallbacks")
    for chain in lists if isinstance(lists, list) else ():
        for source, targets in chain.items():
            found.setdefault(str(source), names_of(targets))  # LiteLLM uses the first that matches
    if key == "fallbacks" and default and isinstance(default, list):
        found.setdefault("*", names_of(default))
    return found


def pause(retries: int, retry_after: float = 0.0) -> float:
    """Return the sum of the pauses of a model that fails at every attempt, in seconds, at their longest.

    Args:
        retries: The number of retries.
        retry_after: The pause that the vendor asks for.
    """
    if retries < 1:
        return 0.0
    pauses = (min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**turn) for turn in range(retries + 1))
    return sum(max(retry_after, one) + JITTER for one in pauses)


def _cooldown_after(router: RouterSettings) -> int | None:
    if router.get("disable_cooldowns") or router.get("allowed_fails") is None:
        return None
    return int(number(router["allowed_fails"], LIBRARY_FAILS)) + 1


def _has_alternatives(settings: LiteLLMSettings) -> bool:
    """Return whether any model has several deployments."""
    return any(len(deployments(settings, name)) > 1 for name in models(settings))


def _order(settings: LiteLLMSettings, model: str) -> tuple[str, ...]:
    """Return the model names of a model's deployments in the order of use; empty if no order is set."""
    return tuple(entry["litellm_params"]["model"] for entry in _ordered(deployments(settings, model)))


def _ordered(entries: Sequence[Deployment]) -> list[Deployment]:
    """Return deployments in the order of use; empty if no order is set."""
    if not any("order" in entry["litellm_params"] for entry in entries):
        return []
    return sorted(entries, key=lambda entry: number(entry["litellm_params"].get("order"), 1e9))


def _waits(settings: LiteLLMSettings, none: bool, timeout: float) -> Waits:
    """Return the longest waits over all names that clients may ask for; `none`: there are no retries."""
    found, counts = list(paths(settings).values()), RetryCounts(settings)

    def retries(entry: Deployment, *kinds: str) -> int:
        return 0 if none else max(counts.of(entry, kind) for kind in kinds)

    refused = (sum(pause(retries(one, "refusal")) for one in path) for path in found)
    quiet = (sum(_longest(one, retries(one, "timeout"), timeout) for one in path) for path in found)
    bound = (sum(_longest(one, retries(one, *KINDS), timeout, RETRY_AFTER) for one in path) for path in found)
    return Waits(*(round(max(waits, default=0.0), 1) for waits in (refused, quiet, bound)))


def _longest(entry: Deployment, retries: int, timeout: float, retry_after: float = 0.0) -> float:
    """Return how long a deployment takes if all its attempts time out."""
    return (1 + retries) * number(entry["litellm_params"].get("timeout"), timeout) + pause(retries, retry_after)


def fallbacks(settings: LiteLLMSettings) -> Fallbacks:
    """Return the fallbacks as LiteLLM follows them.

    Args:
        settings: LiteLLM's settings.
    """
    router = settings.get("router_settings") or {}
    orders = {name: max(0, len(_order_values(deployments(settings, name))) - 1) for name in models(settings)}
    return Fallbacks(chains(router), depth_limit(router), orders)


def paths(settings: LiteLLMSettings) -> dict[str, list[Deployment]]:
    """Return, for each name that clients may ask for, the deployments that a request may use one after another.

    Args:
        settings: LiteLLM's settings.
    """
    names, found = ModelNames(settings), fallbacks(settings)
    made = {}
    for one in names.names():
        later = [answer.deployments for name in found.walk(one.routed)[1:] if (answer := names.resolve(name))]
        made[one.name] = [entry for part in (one.answer.deployments, *later) for entry in _used(part, found.limit)]
    return made


def _order_values(entries: Sequence[Deployment]) -> set[int | None]:
    return {entry["litellm_params"].get("order") for entry in entries} - {None}


def _used(entries: Sequence[Deployment], limit: int) -> Sequence[Deployment]:
    """Return the deployments of one name that a request goes through; the orders of its deployments are fallbacks."""
    return _ordered(entries)[: None if limit else 1] or entries[:1]
