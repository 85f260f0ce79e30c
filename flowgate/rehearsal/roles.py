"""The role of each model in a rehearsal: which one is called first, and which ones replace it.

Source: LiteLLM 1.106.2. It calls the deployments of a model group in their `order`; without one, any can be first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flowgate.domain import Deployment, LiteLLMSettings
from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import promises
from flowgate.gateway.fallback_walk import Fallbacks, depth_limit
from flowgate.gateway.model_names import PATTERN, ModelNames
from flowgate.gateway.promises import number
from flowgate.gateway.upstream_deployments import without_provider
from flowgate.request_filter.client_names import ClientNames

PRIMARY, SECONDARY = "primary", "secondary"
CLIENT_NAME = "client name"  # a kind of name, like "alias"
ROLES = (PRIMARY, SECONDARY, "third", "further")  # in the order in which one request reaches them


@dataclass(frozen=True, slots=True)
class NameCase:
    """One name that clients may ask for.

    Attributes:
        name: The name; for a pattern, a name that it matches.
        kind: "model", "alias", "pattern", …
        first: Vendor models of which one answers.
        next: Vendor models of which one answers while all of the first fail; empty if the client gets an error.
    """

    name: str
    kind: str
    first: tuple[str, ...]
    next: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of a profile's models.

    Attributes:
        requested: Model that the rehearsal requests, or a name that a pattern matches; empty if there is none.
        by_model: Vendor model -> its role.
        aliases: Other names of the requested model, which are requested too.
        cases: What each name that clients may ask for leads to.
    """

    requested: str
    by_model: Mapping[str, str]
    aliases: tuple[str, ...] = ()
    cases: tuple[NameCase, ...] = ()

    @property
    def has_secondary(self) -> bool:
        """Return whether another model can replace the primary."""
        return SECONDARY in self.by_model.values()

    def models(self, role: str) -> list[str]:
        """Return the vendor models with a role."""
        return [model for model, own in self.by_model.items() if own == role]


def assign_roles(settings: LiteLLMSettings, promised: LiteLLMSettings | None = None) -> Roles:
    """Give every vendor model a role.

    Args:
        settings: LiteLLM's settings, with fallbacks under `router_settings` or `litellm_settings`.
        promised: The settings that the profile's promises are about; if absent, the same ones.
    """
    names, found = ModelNames(settings), _fallbacks(settings)
    requested = _requested_model(names, found)
    by_model: dict[str, str] = {}
    for entries in _tiers(names, found, requested):
        new = [name for name in map(upstream_model, entries) if name not in by_model]
        tier = len(set(by_model.values()))
        by_model |= dict.fromkeys(new, ROLES[min(tier, len(ROLES) - 1)])
    promised = settings if promised is None else promised
    cases = tuple(_cases(ModelNames(promised), _fallbacks(promised)))
    others = [upstream_model(entry) for entry in settings.get("model_list", ())]
    for model in (*others, *(model for case in cases for model in (*case.first, *case.next))):
        by_model.setdefault(model, ROLES[-1])
    return Roles(requested, by_model, _aliases(ModelNames(promised), _fallbacks(promised), requested), cases)


def with_client_names(roles: Roles, rules: RequestRules) -> Roles:
    """Return roles in which each model is asked for by a name of `model_names` too, if one leads to it.

    Args:
        roles: The roles.
        rules: The rules of the request filter, which replaces these names.
    """
    names, known = ClientNames(rules), {case.name: case for case in roles.cases}
    patterns = [pattern.replace("*", "example") for pattern, model in rules.renamed_patterns if model]
    first: dict[str, str] = {}
    for asked in (*patterns, *rules.renamed):
        if model := names.model(asked):
            first.setdefault(model, asked)
    cases = [replace(known[model], name=asked, kind=CLIENT_NAME) for model, asked in first.items() if model in known]
    own = [first[roles.requested]] if roles.requested in first else []
    return replace(
        roles,
        aliases=tuple(dict.fromkeys([*roles.aliases, *own])),
        cases=(*roles.cases, *(case for case in cases if case.name not in known)),
    )


def upstream_model(entry: Deployment) -> str:
    """Return the model that a deployment requests, without its provider."""
    return without_provider(entry["litellm_params"]["model"])


def _fallbacks(settings: LiteLLMSettings) -> Fallbacks:
    router = settings.get("router_settings") or {}
    lists = promises.chains(router) or promises.chains(settings.get("litellm_settings") or {})
    return Fallbacks(lists, depth_limit(router))


def _requested_model(names: ModelNames, fallbacks: Fallbacks) -> str:
    """Choose the first model that has an alternative, else the first model."""
    found = [name for name in names.models if name not in names.aliases]
    found = found or [name for pattern in names.patterns if (name := names.example(pattern))]
    return next((name for name in found if len(list(_tiers(names, fallbacks, name))) > 1), found[0] if found else "")


def _aliases(names: ModelNames, fallbacks: Fallbacks, requested: str) -> tuple[str, ...]:
    """Return the aliases that the same deployments answer, with the same fallbacks."""
    same = [name for name in names.aliases if names.aliases[name] == requested]
    own = [one for one in fallbacks.of(requested) if one != requested]
    return tuple(one for one in same if [target for target in fallbacks.of(one) if target != one] == own)


def _cases(names: ModelNames, fallbacks: Fallbacks) -> Iterator[NameCase]:
    """Yield a case for each name, unless the models that answer and those that replace them are the same."""
    mentioned = [name for source, targets in fallbacks.lists.items() for name in (source, *targets)]
    mentioned += names.aliases.values()
    for one in names.names():
        name = names.example(one.name, mentioned) if one.answer.kind == PATTERN else one.name
        routed = name if one.answer.kind == PATTERN else one.routed
        tiers = [tuple(dict.fromkeys(map(upstream_model, tier))) for tier in _tiers(names, fallbacks, routed)]
        if not name or not tiers or any("*" in model for tier in tiers for model in tier):
            continue
        following = tiers[1] if len(tiers) > 1 else ()
        if not set(tiers[0]) & set(following):
            yield NameCase(name, one.answer.kind, tiers[0], following)


def _tiers(names: ModelNames, fallbacks: Fallbacks, name: str) -> Iterator[list[Deployment]]:
    """Yield the deployments that one request can reach, grouped by the order in which it reaches them."""
    for one in fallbacks.walk(name):
        answer = names.resolve(one)
        yield from _ranked(answer.deployments if answer else ())


def _ranked(entries: Sequence[Deployment]) -> Iterator[list[Deployment]]:
    ranks = [number(entry["litellm_params"].get("order"), 1e9) for entry in entries]
    for rank in sorted(set(ranks)):
        yield [entry for entry, own in zip(entries, ranks, strict=True) if own == rank]
