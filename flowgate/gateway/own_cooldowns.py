"""Cooldown settings of single deployments, which have precedence over those of the router; pure.

Source: LiteLLM 1.106.2 and 1.108.7, `deployment_callback_on_failure` and `_should_cooldown_based_on_deployment_policy`:
`cooldown_time` of a deployment wins over a vendor's Retry-After; what `model_info.allowed_fails` counts depends on how
many deployments and fallbacks the model has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowgate.domain import Deployment, LiteLLMSettings

COUNTED_BY = ("allowed_fails_policy", "allowed_fails")


@dataclass(frozen=True, slots=True)
class OwnCooldown:
    """The cooldown settings of a model's deployments.

    Attributes:
        seconds: Length of a cooldown, also if the vendor names another one; None if no deployment sets it.
        counted_by: The setting that decides when a cooldown starts; empty if the router's does.
    """

    seconds: float | None = None
    counted_by: str = ""


def own_cooldowns(settings: LiteLLMSettings) -> dict[str, OwnCooldown]:
    """Return the models whose deployments have cooldown settings of their own.

    Args:
        settings: LiteLLM's settings.
    """
    grouped: dict[str, list[Deployment]] = {}
    for entry in settings.get("model_list", ()):
        grouped.setdefault(entry["model_name"], []).append(entry)
    found = {model: _of(entries) for model, entries in grouped.items()}
    return {model: own for model, own in found.items() if own != OwnCooldown()}


def _of(entries: Sequence[Deployment]) -> OwnCooldown:
    infos: list[Mapping[str, object]] = [dict(entry.get("model_info") or {}) for entry in entries]
    params: list[Mapping[str, object]] = [dict(entry["litellm_params"]) for entry in entries]
    pairs = zip(infos, params, strict=True)
    times = [info.get("cooldown_time", own.get("cooldown_time")) for info, own in pairs]
    lengths = [float(one) for one in times if isinstance(one, (int, float)) and not isinstance(one, bool)]
    counted = (f"model_info.{key}" for key in COUNTED_BY for info in infos if info.get(key) is not None)
    return OwnCooldown(min(lengths, default=None), next(counted, ""))
