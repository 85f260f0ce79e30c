"""What a profile promises, read from the settings that LiteLLM gets.

Source: LiteLLM 1.106.2 (router.py, router_utils/cooldown_handlers.py), its router asked in-process: behind its proxy
it counts failed questions, not attempts, so a model is benched at the question after the `allowed_fails` that may
fail, and that one question is not retried. It pauses after every failed attempt, also after the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowgate.domain import Tree

LIBRARY_RETRIES = 2
LIBRARY_FAILS = 3
LIBRARY_TIMEOUT = 6000.0
LIBRARY_FALLBACKS = 5
FIRST_PAUSE, LONGEST_PAUSE, JITTER = 0.5, 8.0, 0.75
ASKED_PAUSE = 60.0  # a vendor's Retry-After of up to a minute is waited for
KINDS = {
    "refusal": ("InternalServerErrorRetries", "ServiceUnavailableErrorRetries"),
    "429": ("RateLimitErrorRetries",),
    "timeout": ("TimeoutErrorRetries",),
}


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a client may wait, in seconds, when no model is benched yet.

    Attributes:
        refused: Everybody refuses at once.
        quiet: Nobody answers at all.
        bound: The worst there is: each attempt fails just before its time-out and asks for a pause of a minute.
    """

    refused: float
    quiet: float
    bound: float


@dataclass(frozen=True, slots=True)
class Promises:
    """What a profile promises.

    Attributes:
        attempts: On one model for one question, at most.
        retries: Kind of failure ("refusal", "429", "timeout") → further attempts; a 401, 403 or 404 is never
            retried.
        benched_after: The failed questions that put a model to sleep; None: nothing does.
        bench_seconds: For how long, unless the vendor's Retry-After names a time of its own.
        fallbacks: Model → who answers in its place, in order.
        orders: Model → its deployments' southbound names, in the order in which they are asked.
        request_timeout: Seconds for one attempt; of a stream, until its first piece and between two.
        stream_timeout: Seconds for one attempt; of a stream, until its first piece and between two.
        length: Deployments that one question may go through, its fallbacks included.
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

    @property
    def attempts_per_minute(self) -> int:
        """Attempts that a dead model may see in any minute of an outage, at most."""
        if self.cooldown_after is None:
            raise ValueError("nothing benches it: the attempts are as many as the questions want")
        round_of_it = (self.cooldown_after - 1) * self.attempts + 1
        return math.ceil(60 / max(self.cooldown_seconds, 1.0)) * round_of_it


def read(tree: Tree) -> Promises:
    """Read what compiled settings promise.

    Args:
        tree: LiteLLM's settings with everything that counts under `router_settings`.
    """
    router = tree.get("router_settings") or {}
    retries = {kind: _most(tree, count) for kind, count in _retries(router).items()}
    fails = _benched_after(router)
    if fails == 1 and not _several(tree):
        retries = dict.fromkeys(retries, 0)  # benched by its first failure, a model is not tried again
    request = number(router.get("timeout"), LIBRARY_TIMEOUT)
    stream = number(router.get("stream_timeout"), request)
    return Promises(
        attempts=1 + max(retries.values()),
        retries=retries,
        cooldown_after=fails,
        cooldown_seconds=number(router.get("cooldown_time"), 5.0),
        fallbacks=chains(router),
        orders={name: levels for name in models(tree) if len(levels := _levels(tree, name)) > 1},
        request_timeout=request,
        stream_timeout=stream,
        waits=_waits(tree, retries, request),
        length=max((len(list(_attempted(tree, name))) for name in models(tree)), default=0),
    )


def number(value: object, default: float) -> float:
    """Give a number as it is, anything else as the default."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def models(tree: Tree) -> tuple[str, ...]:
    """Name the models that clients may ask for, aliases excepted."""
    return tuple(dict.fromkeys(str(entry.get("model_name")) for entry in tree.get("model_list") or ()))


def deployments(tree: Tree, model: str) -> list[Tree]:
    """List the deployments behind a name."""
    return [entry for entry in tree.get("model_list") or () if entry.get("model_name") == model]


def chains(settings: Tree, key: str = "fallbacks") -> dict[str, tuple[str, ...]]:
    """Read one list of fallbacks: model → who answers in its place; `*` stands for every model."""
    found: dict[str, tuple[str, ...]] = {}
    for chain in settings.get(key) or ():
        for source, targets in chain.items():
            found.setdefault(str(source), tuple(map(target_name, targets)))  # LiteLLM takes the first that fits
    if key == "fallbacks" and settings.get("default_fallbacks"):
        found.setdefault("*", tuple(map(target_name, settings["default_fallbacks"])))
    return found


def target_name(target: Any) -> str:
    """Give the model that a fallback or an alias leads to."""
    return str(target.get("model")) if isinstance(target, dict) else str(target)


def pause(retries: int, asked: float = 0.0) -> float:
    """Add up the pauses of a model that fails at every attempt, in seconds, at their longest.

    Args:
        asked: The pause that the vendor asks for.
    """
    if retries < 1:
        return 0.0
    pauses = (min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**turn) for turn in range(retries + 1))
    return sum(max(asked, one) + JITTER for one in pauses)


def _retries(router: Tree) -> dict[str, int]:
    plain = int(number(router.get("num_retries"), LIBRARY_RETRIES))
    policy = router.get("retry_policy") or {}
    found = {}
    for kind, keys in KINDS.items():
        found[kind] = max(int(number(policy.get(key), number(policy.get("DefaultRetries"), plain))) for key in keys)
    return found


def _benched_after(router: Tree) -> int | None:
    if router.get("disable_cooldowns") or router.get("allowed_fails") is None:
        return None
    return int(number(router["allowed_fails"], LIBRARY_FAILS)) + 1


def _several(tree: Tree) -> bool:
    """Say whether a model has a deployment to turn to when another is benched."""
    return any(len(deployments(tree, name)) > 1 for name in models(tree))


def _levels(tree: Tree, model: str) -> tuple[str, ...]:
    """Name a model's deployments in the order in which they are asked; one at a time where no order is written."""
    params = [entry.get("litellm_params") or {} for entry in deployments(tree, model)]
    if not any("order" in one for one in params):
        return ()
    return tuple(str(one.get("model")) for one in sorted(params, key=lambda one: number(one.get("order"), 1e9)))


def _waits(tree: Tree, retries: Mapping[str, int], timeout: float) -> Waits:
    """Take the model that keeps its client waiting longest."""
    times = [list(_attempted(tree, model)) for model in models(tree)]
    found = [
        Waits(
            refused=sum(pause(_own(one, retries["refusal"])) for one in asked),
            quiet=sum(_tried(one, retries["timeout"], timeout) for one in asked),
            bound=sum(_tried(one, max(retries.values()), timeout, ASKED_PAUSE) for one in asked),
        )
        for asked in times
    ]
    worst = [max((getattr(one, name) for one in found), default=0.0) for name in ("refused", "quiet", "bound")]
    return Waits(*(round(seconds, 1) for seconds in worst))


def _tried(entry: Tree, retries: int, timeout: float, asked: float = 0.0) -> float:
    again = _own(entry, retries)
    own = entry.get("litellm_params") or {}
    return (1 + again) * number(own.get("timeout"), timeout) + pause(again, asked)


def _most(tree: Tree, retries: int) -> int:
    return max((_own(entry, retries) for entry in tree.get("model_list") or ()), default=retries)


def _own(entry: Tree, retries: int) -> int:
    return int(min(retries, number((entry.get("litellm_params") or {}).get("num_retries"), retries)))


def _attempted(tree: Tree, model: str, depth: int = 0, seen: tuple[str, ...] = ()) -> Iterator[Tree]:
    """Give the deployments that a question may be asked of, one after another, its fallbacks included."""
    entries = deployments(tree, model)
    yield from entries if _levels(tree, model) else entries[:1]
    router = tree.get("router_settings") or {}
    found = chains(router)
    if depth < LIBRARY_FALLBACKS:
        aliases = router.get("model_group_alias") or {}
        for target in (target_name(aliases.get(one, one)) for one in found.get(model, found.get("*", ()))):
            if target not in (*seen, model):
                yield from _attempted(tree, target, depth + 1, (*seen, model))
