"""What a profile promised while it served, as JSON in the ledger: the config may have changed since.

It holds names of models and numbers, never an address or a key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import NotRequired, TypedDict

from flowgate.domain import Deployment, LiteLLMSettings, Service
from flowgate.gateway import name_patterns, promises, worker_promises
from flowgate.gateway.own_cooldowns import own_cooldowns
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises, Waits
from flowgate.gateway.unmodelled import COOLDOWNS, unmodelled

VERSION = 1


class ModelCooldown(TypedDict):
    """Cooldown settings of one model that differ from the profile's; `counted_by` is a setting, or empty."""

    seconds: float | None
    counted_by: str


class Recorded(TypedDict):
    """The JSON document.

    Attributes:
        promises: `Promises` without the lists of fallbacks.
        paths: Name that clients may ask for → the provider's models that one request may go through, in order.
        beside: Models of which several deployments may be the first.
        own: Model → its own cooldown settings.
        upstream_cooldowns: CLIProxyAPIPlus applies the cooldowns of what is behind it.
        unknown: Topic of `gateway.unmodelled` → the setting that makes it unknown.
        unset: Why nothing is known; empty: it is.
        redis: LiteLLM keeps cooldowns in a Redis server, which other gateways may use too.
    """

    version: int
    promises: dict[str, object]
    paths: dict[str, list[str]]
    beside: list[str]
    own: dict[str, ModelCooldown]
    upstream_cooldowns: bool
    unknown: dict[str, str]
    unset: str
    redis: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class RecordedPromises:
    """What a profile promised; the attributes are those of `Recorded`."""

    promises: Promises
    paths: Mapping[str, tuple[str, ...]]
    beside: frozenset[str]
    own: Mapping[str, ModelCooldown]
    upstream_cooldowns: bool
    unknown: Mapping[str, str]
    unset: str
    redis: bool = False

    def path(self, name: str) -> tuple[str, ...]:
        """Return the provider's models that a request for a name may go through; empty if the name is not known.

        Args:
            name: The name that the client asked for.
        """
        if name in self.paths:
            return self.paths[name]
        found = [one for one in self.paths if "*" in one and name_patterns.match(one, name)]
        return self.paths[max(found, key=name_patterns.specificity)] if found else ()

    def of_model(self, model: str) -> Promises:
        """Return what was promised of a model.

        Args:
            model: Its name in the gateway.
        """
        own = self.own.get(model)
        if own is None or own["seconds"] is None:
            return self.promises
        after = self.promises.cooldown_after if own["seconds"] else None
        return replace(self.promises, cooldown_after=after, cooldown_seconds=own["seconds"])

    def follows_vendor(self, model: str) -> bool:
        """Return whether a vendor's Retry-After sets the length of a model's cooldown.

        Args:
            model: Its name in the gateway.
        """
        own = self.own.get(model)
        return own is None or own["seconds"] is None

    def unknown_of(self, model: str) -> Mapping[str, str]:
        """Return what is not known of a model: topic → the setting that makes it unknown.

        Args:
            model: Its name in the gateway.
        """
        counted_by = self.own[model]["counted_by"] if model in self.own else ""
        return {**self.unknown, COOLDOWNS: counted_by} if counted_by else self.unknown


def added(service: Service, policy: Policy) -> Service:
    """Return LiteLLM's service with the promises that its worker records.

    Args:
        service: The service.
        policy: The compiled profile.
    """
    ledger = service.program.ledger
    if ledger is None:
        return service
    return replace(service, program=replace(service.program, ledger=ledger._replace(promises=to_text(policy))))


def to_text(policy: Policy) -> str:
    """Return the promises of a compiled profile as JSON.

    Args:
        policy: The compiled profile.
    """
    settings = policy.litellm
    numbers = {key: value for key, value in asdict(policy.promises).items() if key not in ("fallbacks", "orders")}
    document: Recorded = {
        "version": VERSION,
        "promises": numbers,
        "paths": {
            name: list(dict.fromkeys(entry["litellm_params"]["model"] for entry in path))
            for name, path in promises.paths(settings).items()
        },
        "beside": [name for name in promises.models(settings) if _several(promises.deployments(settings, name))],
        "own": {
            model: {"seconds": own.seconds, "counted_by": own.counted_by}
            for model, own in own_cooldowns(settings).items()
        },
        "upstream_cooldowns": policy.cooldowns_by == CLIPROXY,
        "unknown": _unknown(settings),
        "unset": " ".join(policy.unknown[:1]),
        "redis": worker_promises.uses_redis(settings),
    }
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


def _several(entries: list[Deployment]) -> bool:
    """Return whether deployments are used side by side, without an order."""
    return len(entries) > 1 and not any("order" in entry["litellm_params"] for entry in entries)


def _unknown(settings: LiteLLMSettings) -> dict[str, str]:
    return {topic: one.setting for one in unmodelled(settings) for topic in one.topics}


def from_text(text: str) -> RecordedPromises | None:
    """Return recorded promises; None if there are none, or if another FlowGate has recorded them in its own way.

    Args:
        text: The JSON document.
    """
    if not text:
        return None
    try:
        tree: Recorded = json.loads(text)
        return _read(tree) if tree["version"] == VERSION else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _read(tree: Recorded) -> RecordedPromises:
    numbers: dict[str, object] = {**tree["promises"], "fallbacks": {}, "orders": {}}
    waits: dict[str, float] = dict(numbers.pop("waits"))  # type: ignore[call-overload]
    return RecordedPromises(
        Promises(**numbers, waits=Waits(**waits)),  # type: ignore[arg-type]
        {name: tuple(path) for name, path in tree["paths"].items()},
        frozenset(tree["beside"]),
        tree["own"],
        tree["upstream_cooldowns"],
        tree["unknown"],
        tree["unset"],
        tree.get("redis", False),
    )
