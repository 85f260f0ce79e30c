"""Errors in the names that a profile's fallbacks, aliases and groups use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from flowgate.domain import LiteLLMSettings
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway.model_names import ALIAS, ID, ModelNames, names_of
from flowgate.gateway.name_settings import POLICY
from flowgate.gateway.promises import LISTS
from flowgate.gateway.provider_names import PROVIDERS

Place = Callable[..., str]  # dotted paths below a profile or the base → `file:line` of the first one that is set
SIMILARITY = 0.8
ALIASES = "router_settings.model_group_alias"


class NameChecks:
    """Checks of one profile's names."""

    def __init__(self, settings: LiteLLMSettings, place: Place) -> None:
        """Prepare the checks.

        Args:
            settings: LiteLLM's settings under the profile, compiled.
            place: Finds the line of a setting.
        """
        self._settings, self._place = settings, place
        self._router: Mapping[str, object] = dict(settings.get("router_settings") or {})
        self._names = ModelNames(settings)
        self._known = sorted(
            {*self._names.models, *self._names.aliases, *self._names.ids, *self._names.groups, *self._names.patterns}
        )

    def faults(self) -> Iterator[FlowGateError]:
        """Find names that no request can use, and lists that LiteLLM does not use."""
        for key in LISTS:
            yield from self._chain_faults(key)
        yield from self._alias_faults()
        yield from self._group_faults()
        yield from self._own_fallbacks()

    def warnings(self) -> Iterator[str]:
        """Find names that may be misspelt although a pattern matches them, and models that an alias hides."""
        for name, what, at in self._uncertain():
            near = self._similar(name)
            if near:
                yield f"'{name}' of {what} is matched by a pattern; did you mean '{near}'? ({at})"
            else:
                yield f"whether a model '{name}' exists cannot be checked: only a pattern matches it ({what}, {at})"
        for alias, target in self._names.aliases.items():
            if alias in self._names.models and target != alias:
                at = self._place(f"{ALIASES}.{alias}")
                yield f"requests for {alias} go to {target}: an alias has precedence over the model of its name ({at})"

    # --- lists of fallbacks

    def _entries(self, key: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """Yield the model, its fallbacks and the place of each entry in a list of fallbacks."""
        lists = self._router.get(key)
        for chain in lists if isinstance(lists, list) else ():
            for source, targets in chain.items():
                yield str(source), names_of(targets), self._entry_place(key, str(source))
        default = self._router.get("default_fallbacks")
        if key == "fallbacks" and isinstance(default, list):
            yield "*", names_of(default), self._setting_place("default_fallbacks")

    def _setting_place(self, key: str) -> str:
        return self._place(f"router_settings.{key}", f"litellm_settings.{key}")

    def _entry_place(self, key: str, source: str) -> str:
        count = len(cast("list[object]", self._router.get(key) or ()))
        paths = [
            f"{section}.{key}.{n}.{source}" for section in ("router_settings", "litellm_settings") for n in range(count)
        ]
        return self._place(*paths, f"router_settings.{key}", f"litellm_settings.{key}")

    def _chain_faults(self, key: str) -> Iterator[FlowGateError]:
        seen: set[str] = set()
        told: set[str] = set()  # the same name again in a list that was added for an alias
        for source, targets, at in self._entries(key):
            if source in seen:
                yield UsageError(
                    f"{key} has two lists for {'all other models' if source == '*' else source}; LiteLLM uses one",
                    place=at,
                    fix="write one list" + (" (default_fallbacks is the list of '*')" if source == "*" else ""),
                )
            seen.add(source)
            if source != "*":
                yield from self._name_faults(source, f"model of {key}", at, is_source=True)
            for target in targets:
                if target not in told:
                    told.add(target)
                    yield from self._name_faults(target, f"model of {key}", at)

    def _name_faults(self, name: str, kind: str, at: str, is_source: bool = False) -> Iterator[FlowGateError]:
        if "*" in name and name not in self._names.aliases:
            yield self._pattern_fault(name, kind, at, is_source)
        elif self._names.resolve(name) is None and not (is_source and self._is_plausible_source(name)):
            yield self._unknown(name, kind, at)

    def _pattern_fault(self, name: str, kind: str, at: str, is_source: bool) -> FlowGateError:
        what = f"'{name}' is a pattern, and LiteLLM compares the {kind} with the name that was asked for"
        if is_source:
            return UsageError(what, place=at, fix="write the names themselves, or '*' for all other models")
        example = name.replace("*", "NAME")
        return UsageError(what, place=at, fix=f"write the whole name of a model that it matches ({example})")

    def _is_plausible_source(self, name: str) -> bool:
        """Return whether LiteLLM uses this list for a pattern's name with a provider in front (`openai/NAME`)."""
        if self._similar(name):
            return False
        prefixes = (pattern.partition("/")[0] for pattern in self._names.patterns if pattern.count("/") == 1)
        return any(one in PROVIDERS and self._names.resolve(f"{one}/{name}") for one in prefixes)

    def _unknown(self, name: str, kind: str, at: str) -> FlowGateError:
        if name in self._names.access_groups:
            members = ", ".join(self._names.access_groups[name])
            return UsageError(
                f"'{name}' is an access group, which is a right of keys and no {kind}", place=at, fix=f"use {members}"
            )
        return UnknownName(kind, name, known=self._known, at=at)

    def _similar(self, name: str) -> str:
        others = [one for one in self._known if "*" not in one and one != name]
        return next(iter(get_close_matches(name, others, n=1, cutoff=SIMILARITY)), "")

    def _uncertain(self) -> Iterator[tuple[str, str, str]]:
        """Yield names that only a pattern without a fixed beginning, or LiteLLM's own knowledge, makes valid."""
        done: set[str] = set()
        for key in LISTS:
            for source, targets, at in self._entries(key):
                for name in (source, *targets):
                    answer = None if "*" in name or name in done else self._names.resolve(name)
                    if answer and "*" in answer.group and answer.kind not in (ALIAS, ID):
                        done.add(name)
                        if not answer.certain or answer.group == "*" or self._similar(name):
                            yield name, key, at

    # --- aliases, groups, deployments

    def _alias_faults(self) -> Iterator[FlowGateError]:
        for alias, target in self._names.aliases.items():
            at = self._place(f"{ALIASES}.{alias}", ALIASES, "litellm_settings.model_group_alias")
            kind = f"model behind the alias {alias}"
            if "*" in alias:
                yield UsageError(
                    f"the alias '{alias}' is no pattern: LiteLLM takes it literally",
                    place=at,
                    fix=f"write a model of this name: `- {{model_name: '{alias}', litellm_params: …}}`",
                )
            elif "*" in target:
                yield UsageError(
                    f"the {kind} is the pattern '{target}'", place=at, fix="write the whole name of a model"
                )
            elif self._names.resolve(alias) is None:
                yield self._broken_alias(alias, target, kind, at)
        for alias, target in self._names.library_aliases.items():
            if self._names.resolve(target) is None:
                path = "litellm_settings.model_alias_map"
                yield self._unknown(target, f"model behind the alias {alias}", self._place(f"{path}.{alias}", path))

    def _broken_alias(self, alias: str, target: str, kind: str, at: str) -> FlowGateError:
        aliases = self._names.aliases
        path = [alias]
        while path[-1] in aliases and path[-1] not in path[:-1]:
            path.append(aliases[path[-1]])
        if path[-1] in path[:-1]:
            return UsageError(f"aliases form a loop: {' → '.join(path)}", place=at, fix="let one of them name a model")
        answer = self._names.resolve(target)
        if answer is not None:  # an id
            what = f"the {kind} is the id '{target}', and LiteLLM looks for a model"
            return UsageError(what, place=at, fix=f"did you mean '{answer.group}'?")
        return self._unknown(target, kind, at)

    def _group_faults(self) -> Iterator[FlowGateError]:
        for group, members in self._names.groups.items():
            for name in members:
                if name not in self._names.models:
                    at = self._setting_place("routing_groups")
                    yield UnknownName(f"model of the routing group {group}", name, known=self._names.models, at=at)
        for key in (POLICY, "model_group_affinity_config"):
            named = self._router.get(key)
            for name in named if isinstance(named, dict) else ():
                if self._names.resolve(str(name)) is None:
                    at = self._place(f"router_settings.{key}.{name}", f"router_settings.{key}")
                    yield self._unknown(str(name), f"model of {key}", at)

    def _own_fallbacks(self) -> Iterator[FlowGateError]:
        """Find fallbacks in `litellm_params`, which LiteLLM sends to the provider as names of its models.

        Source: measured on LiteLLM 1.106.2: `fallbacks: [small]` there makes a failed request end with 400.
        """
        for index, entry in enumerate(self._settings.get("model_list", ())):
            for key in LISTS:
                if key in entry["litellm_params"]:
                    at = self._place(f"model_list.{index}.litellm_params.{key}", f"model_list.{index}", "model_list")
                    yield UsageError(
                        f"'litellm_params.{key}' of {entry['model_name']} names no models of model_list",
                        place=at,
                        fix=f"router_settings.{key}: [{{{entry['model_name']}: [NAME]}}]",
                    )
