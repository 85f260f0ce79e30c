"""The role of each model in a rehearsal: which one is called first, and which ones replace it.

Source: LiteLLM 1.106.2. It calls the deployments of a model group in their `order`; without one, any can be first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowgate.domain import Deployment, LiteLLMSettings
from flowgate.gateway import promises
from flowgate.gateway.litellm import without_provider
from flowgate.gateway.promises import number

PRIMARY, SECONDARY = "primary", "secondary"
ROLES = (PRIMARY, SECONDARY, "third", "further")  # in the order in which one request reaches them


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of a profile's models.

    Attributes:
        requested: Model that the rehearsal requests; empty if no model can be requested by its name.
        by_model: Vendor model -> its role.
    """

    requested: str
    by_model: Mapping[str, str]

    @property
    def has_secondary(self) -> bool:
        """Return whether another model can replace the primary."""
        return SECONDARY in self.by_model.values()

    def models(self, role: str) -> list[str]:
        """Return the vendor models with a role."""
        return [model for model, own in self.by_model.items() if own == role]


def assign_roles(settings: LiteLLMSettings) -> Roles:
    """Give every vendor model a role.

    Args:
        settings: LiteLLM's settings, with fallbacks under `router_settings` or `litellm_settings`.
    """
    requested = _requested_model(settings)
    by_model: dict[str, str] = {}
    for entries in _tiers(settings, requested):
        new = [name for name in map(upstream_model, entries) if name not in by_model]
        tier = len(set(by_model.values()))
        by_model |= dict.fromkeys(new, ROLES[min(tier, len(ROLES) - 1)])
    for entry in settings.get("model_list", ()):
        by_model.setdefault(upstream_model(entry), ROLES[-1])
    return Roles(requested, by_model)


def upstream_model(entry: Deployment) -> str:
    """Return the model that a deployment requests, without its provider."""
    return without_provider(entry["litellm_params"]["model"])


def _requested_model(settings: LiteLLMSettings) -> str:
    """Choose the first model that has an alternative, else the first model."""
    names = [name for name in promises.models(settings) if "*" not in name]  # a pattern is no model name
    return next((name for name in names if len(list(_tiers(settings, name))) > 1), names[0] if names else "")


def _tiers(settings: LiteLLMSettings, model: str, seen: tuple[str, ...] = ()) -> Iterator[list[Deployment]]:
    """Yield the deployments that one request can reach, grouped by the order in which it reaches them."""
    entries = promises.deployments(settings, model)
    ranks = [number(entry["litellm_params"].get("order"), 1e9) for entry in entries]
    for rank in sorted(set(ranks)):
        yield [entry for entry, own in zip(entries, ranks, strict=True) if own == rank]
    router = settings.get("router_settings") or {}
    chains = promises.chains(router) or promises.chains(settings.get("litellm_settings") or {})
    aliases = router.get("model_group_alias") or {}
    for target in chains.get(model, chains.get("*", ())):
        name = promises.target_name(aliases.get(target, target))
        if name not in (*seen, model):
            yield from _tiers(settings, name, (*seen, model))
