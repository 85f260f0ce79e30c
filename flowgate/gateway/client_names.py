"""`model_names` of the config: the names that clients ask for by themselves, and the models of a profile that answer.

A name is rendered as an alias of LiteLLM, so that it is listed and works without FlowGate's request filter too; LiteLLM
has no patterns of aliases, so the filter replaces what a pattern matches, and the names too, before LiteLLM sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import cast

from flowgate.domain import Config, LiteLLMSettings, RouterSettings
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway import litellm_runner, name_patterns
from flowgate.gateway.model_names import ID, ModelNames

KEY = "model_names"
Names = Mapping[str, str]
NONE: Names = MappingProxyType({})


def of_profile(config: Config, profile: str) -> dict[str, str]:
    """Return the names of a profile: the config's, with the profile's own merged over them.

    Args:
        config: The config.
        profile: The profile's name.
    """
    merged = {**config.model_names, **config.own_model_names.get(profile, {})}
    return {name: model for name, model in merged.items() if model is not None}


def exact(names: Names, settings: LiteLLMSettings) -> dict[str, str]:
    """Return the names that lead to another model: no patterns, and none that the settings already define.

    Args:
        names: The names of the profile.
        settings: LiteLLM's settings, with or without these names among the aliases.
    """
    known = ModelNames(settings)
    taken = {*known.models, *known.ids, *known.groups, *known.library_aliases}
    found = {name: model for name, model in names.items() if "*" not in name and name not in taken}
    final = {name: _without_alias(known, model) for name, model in found.items()}
    return {name: model for name, model in final.items() if known.aliases.get(name, model) in (model, found[name])}


def _without_alias(known: ModelNames, model: str) -> str:
    """Follow aliases to the model that they stand for."""
    for _ in known.aliases:
        model = known.aliases.get(model, model)
    return model


def add(settings: LiteLLMSettings, names: Names, changes: list[str]) -> None:
    """Add the names to LiteLLM's aliases.

    Args:
        settings: LiteLLM's settings; changed in place.
        names: The names of the profile.
        changes: Receives the changes as sentences.
    """
    known = ModelNames(settings)
    found = exact(names, settings).items()
    added = {name: model for name, model in found if name not in known.aliases and known.resolve(model)}
    if not added:
        return
    router = settings.setdefault("router_settings", {})
    router["model_group_alias"] = {**(router.get("model_group_alias") or {}), **added}
    shown = ", ".join(f"{name} → {model}" for name, model in added.items())
    changes.append(f"router_settings.model_group_alias: {shown} is added from {KEY}")


def ranked(names: Names, settings: LiteLLMSettings) -> tuple[tuple[str, str], ...]:
    """Return the patterns with their models, the most specific one first; LiteLLM's own ones with an empty model.

    A pattern that matches less than another one comes before it. Otherwise the order is LiteLLM's: the longest one.

    Args:
        names: The names of the profile.
        settings: LiteLLM's settings.
    """
    own = {name: model for name, model in names.items() if "*" in name}
    if not own:
        return ()
    left = [*((pattern, "") for pattern in ModelNames(settings).patterns), *own.items()]
    left.sort(key=lambda one: name_patterns.specificity(one[0]), reverse=True)
    found: list[tuple[str, str]] = []
    while left:
        narrowest = next(one for one in left if not any(_is_wider(one[0], other[0]) for other in left))
        left.remove(narrowest)
        found.append(narrowest)
    return tuple(found)


def _is_wider(pattern: str, other: str) -> bool:
    """Return whether a pattern matches everything that another one matches, and more."""
    return name_patterns.fits(pattern, other) and not name_patterns.fits(other, pattern)


def faults(config: Config, profile: str, settings: LiteLLMSettings) -> Iterator[FlowGateError]:
    """Find names that lead to no model of a profile, and entries that take nothing away.

    Args:
        config: The config.
        profile: The profile's name.
        settings: LiteLLM's settings under the profile.
    """
    names = of_profile(config, profile)
    without: LiteLLMSettings = cast("LiteLLMSettings", {**settings, "router_settings": _own_router(settings, names)})
    known = ModelNames(without)
    asked = sorted({*known.models, *known.aliases, *known.groups})
    for name, model in names.items():
        answer, at = known.resolve(model), _place(config, profile, name)
        if answer is not None and answer.kind == ID:
            what = f"'{name}' of {KEY} leads to '{model}', which is the id of a deployment"
            yield UsageError(what, place=at, fix=f"write the model that it belongs to: {answer.group}")
        elif answer is None and model in names:
            what = f"'{name}' of {KEY} leads to '{model}', which is itself a name of {KEY}"
            yield UsageError(what, place=at, fix=f"write a model of the profile: {', '.join(known.models)}")
        elif answer is None or not answer.certain:
            yield UnknownName(f"model of profile {profile} (behind '{name}' of {KEY})", model, known=asked, at=at)
    for name, own in config.own_model_names.get(profile, {}).items():
        if own is None and name not in config.model_names:
            what = f"profile {profile} takes '{name}' out of {KEY}, where it is not"
            near = ", ".join(config.model_names) or "nothing"
            yield UsageError(what, place=_place(config, profile, name), fix=f"remove the line; {KEY} has {near}")


def warnings(config: Config, profile: str, settings: LiteLLMSettings) -> Iterator[str]:
    """Find names and patterns that never apply.

    Args:
        config: The config.
        profile: The profile's name.
        settings: LiteLLM's settings under the profile.
    """
    names, known = of_profile(config, profile), ModelNames(settings)
    applied = exact(names, settings)
    for name, model in names.items():
        at = _place(config, profile, name)
        if "*" not in name and name not in applied:
            what = f"an alias of {known.aliases[name]}" if name in known.aliases else "a model of the profile"
            yield f"'{name}' of {KEY} never applies: it is {what}, which wins ({at})"
        elif name in known.patterns:
            yield f"'{name}' of {KEY} never applies: model_list has a model of this name, which wins ({at})"
        elif "*" in name and not litellm_runner.uses_runner(config):
            yield f"'{name}' of {KEY} does not apply: FlowGate's runner does not start LiteLLM ({at})"
        elif name == model:
            yield f"'{name}' of {KEY} leads to itself ({at})"


def describe(config: Config, profile: str, settings: LiteLLMSettings) -> list[str]:
    """Describe what the names and patterns lead to, the most specific one first.

    Args:
        config: The config.
        profile: The profile's name.
        settings: LiteLLM's settings under the profile.
    """
    names, known = of_profile(config, profile), ModelNames(settings)
    lines = [f"a request for {name} goes to {model}" for name, model in exact(names, settings).items()]
    if not litellm_runner.uses_runner(config):
        return lines
    for pattern, model in ranked(names, settings):
        own = [one for one in known.models if name_patterns.fits(pattern, one)] if model else []
        kept = f", except {', '.join(own)}" if own else ""
        lines += [f"a request for a name like {pattern} goes to {model}{kept}"] if model else []
    return lines


def _own_router(settings: LiteLLMSettings, names: Names) -> RouterSettings:
    """Return the router's settings without the aliases that come from these names."""
    router: RouterSettings = {**(settings.get("router_settings") or {})}
    aliases = router.get("model_group_alias") or {}
    final = {model: _without_alias(ModelNames(settings), model) for model in names.values()}
    own = {name: to for name, to in aliases.items() if to not in (names.get(name), final.get(names.get(name, "")))}
    return {**router, "model_group_alias": own}


def _place(config: Config, profile: str, name: str) -> str:
    own = f"profiles.{profile}.{KEY}.{name}"
    return config.place(own if name in config.own_model_names.get(profile, {}) else f"{KEY}.{name}")
