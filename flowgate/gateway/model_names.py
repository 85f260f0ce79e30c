"""The names that clients may ask for, and the deployments that answer, as LiteLLM resolves them; pure.

Source: LiteLLM 1.106.2, `Router._common_checks_available_deployment`, `PatternMatchRouter`, `get_fallback_model_group`
and `route_request` of its proxy, measured on its router in-process. The order: a deployment's id, an alias (one step),
a routing group, a model, a public name of a team, the most specific pattern, a deployment's own model. An access group
is a right of a key; no request can name it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from flowgate.domain import Deployment, LiteLLMSettings, Target
from flowgate.gateway import name_patterns, name_sections
from flowgate.gateway.provider_names import INFERRED, PROVIDERS

MODEL, ALIAS, PATTERN, ID = "model", "alias", "pattern", "id"
GROUP, TEAM, DEPLOYMENT = "routing group", "team model", "deployment"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What LiteLLM makes of a name.

    Attributes:
        kind: What the name is.
        group: The model or pattern whose deployments answer.
        deployments: The deployments, with the model that they request for this name.
        certain: False if LiteLLM answers only when it knows the name as a model of the pattern's provider.
    """

    kind: str
    group: str
    deployments: tuple[Deployment, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Name:
    """A name that clients may ask for; a pattern stands for every name that it matches.

    Attributes:
        routed: The name that the router gets; it looks up fallbacks by this one.
    """

    name: str
    answer: Answer
    routed: str


class ModelNames:
    """The names of one profile.

    Attributes:
        aliases: Alias → the name that it stands for.
        hidden: Aliases that `/v1/models` does not list.
        library_aliases: Alias of `litellm_settings.model_alias_map` → name; the proxy replaces it before anything else.
        groups: Routing group → the models that it consists of.
        access_groups: Access group → its models.
    """

    def __init__(self, settings: LiteLLMSettings) -> None:
        """Read the names from LiteLLM's settings; names count only where LiteLLM reads them."""
        router: Mapping[str, object] = dict(settings.get("router_settings") or {})
        library = settings.get("litellm_settings") or {}
        self._entries = list(settings.get("model_list", ()))
        self.aliases = name_sections.aliases(router.get("model_group_alias"))
        self.hidden = frozenset(name_sections.hidden_aliases(router.get("model_group_alias")))
        self.library_aliases = name_sections.aliases(library.get("model_alias_map"))
        self.groups = name_sections.groups(router.get("routing_groups"))
        self._by_name = _grouped((entry["model_name"], entry) for entry in self._entries)
        self._by_id = {str(one): entry for entry in self._entries if (one := _info(entry).get("id"))}
        self._by_team_name = _grouped(
            (str(public), entry)
            for entry in self._entries
            if (public := _info(entry).get("team_public_model_name")) and _info(entry).get("team_id")
        )
        self.access_groups = _access_groups(self._entries)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Return the patterns, the most specific one first: the longest, then the one with most special characters."""
        return tuple(
            sorted((name for name in self._by_name if "*" in name), key=name_patterns.specificity, reverse=True)
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Return the names of the models, without patterns."""
        return tuple(name for name in self._by_name if "*" not in name)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids that can be asked for: a model of the same name has precedence."""
        return tuple(name for name in self._by_id if name not in self._by_name)

    def ask(self, name: str) -> Answer | None:
        """Resolve a name that a client asks for; None if LiteLLM refuses it."""
        return self.resolve(self.library_aliases.get(name, name))

    def resolve(self, name: str) -> Answer | None:
        """Resolve a name as the router does, which is also how it resolves fallbacks; None if nothing answers."""
        if name in self.ids:
            entry = self._by_id[name]
            return Answer(ID, entry["model_name"], (entry,))
        if name in self.aliases:
            found = self._without_alias(self.aliases[name])
            return Answer(ALIAS, found.group, found.deployments, found.certain) if found else None
        return self._without_alias(name)

    def _without_alias(self, name: str) -> Answer | None:
        if name in self.groups and name not in self._by_name and name not in self.aliases:
            members = self.groups[name]
            return Answer(GROUP, name, tuple(entry for one in members for entry in self._by_name.get(one, ())))
        if name in self._by_name:
            return None if "*" in name else Answer(MODEL, name, tuple(self._by_name[name]))
        if name in self._by_team_name:
            return Answer(TEAM, name, tuple(self._by_team_name[name]))
        return self._matched(name, name) or self._inferred(name) or self._by_own_model(name)

    def _matched(self, name: str, full: str, certain: bool = True) -> Answer | None:
        for pattern in self.patterns:
            if found := name_patterns.match(pattern, full):
                entries = tuple(name_patterns.with_model(entry, found) for entry in self._by_name[pattern])
                return Answer(PATTERN, pattern, entries, certain)
        return None

    def _inferred(self, name: str) -> Answer | None:
        """Match a name whose provider LiteLLM knows: `gpt-4o` is `openai/gpt-4o` too."""
        for provider, beginnings in INFERRED.items():
            if name.startswith(beginnings) and (found := self._matched(name, f"{provider}/{name}", certain=False)):
                return found
        return self._matched(name, f"None/{name}")  # LiteLLM puts the missing provider in front like this

    def _by_own_model(self, name: str) -> Answer | None:
        entries = tuple(one for one in self._entries if one["litellm_params"].get("model") == name and "*" not in name)
        return Answer(DEPLOYMENT, entries[0]["model_name"], entries) if entries else None

    def pattern(self, pattern: str) -> Answer:
        """Return what answers the names that match a pattern."""
        return Answer(PATTERN, pattern, tuple(self._by_name[pattern]))

    def names(self) -> tuple[Name, ...]:
        """Return every name that clients may ask for: models, aliases, routing groups, team names, ids, patterns.

        The deployments' own models ("openai/gpt-5"), which LiteLLM answers too, are left out.
        """
        single = dict.fromkeys(
            [*self.models, *self.aliases, *self.groups, *self._by_team_name, *self.ids, *self.library_aliases]
        )
        found = [
            Name(name, answer, self.library_aliases.get(name, name))
            for name in single
            if (answer := self.ask(name)) and not _all_blocked(answer.deployments)
        ]
        return (*found, *(Name(pattern, self.pattern(pattern), pattern) for pattern in self.patterns))

    def example(self, pattern: str, mentioned: Iterable[str] = ()) -> str:
        """Return a name that a pattern matches: the first mentioned one, else one made up; empty if there is none."""
        for name in (*mentioned, pattern.replace("*", "example")):
            answer = self.resolve(name)
            if answer and (answer.kind, answer.group) == (PATTERN, pattern):
                return name
        return ""

    def listed(self) -> tuple[str, ...]:
        """Return the names that `/v1/models` must list.

        LiteLLM leaves out hidden aliases, models of teams, blocked models and aliases of a pattern's names. It replaces
        a pattern by the models of its provider that it knows, which may be none.
        """
        shown = [name for name in self.models if self._is_listed(name)]
        for alias, target in self.aliases.items():
            if alias not in self.hidden and (self._is_listed(target) or target in self.groups):
                shown.append(alias)
        groups = [name for name in self.groups if self._without_alias(name) and name not in self.aliases]
        return tuple(dict.fromkeys([*shown, *(name for name in groups if self.groups[name])]))

    def _is_listed(self, name: str) -> bool:
        entries = self._by_name.get(name, ()) if "*" not in name else ()
        return any(not _info(entry).get("team_id") for entry in entries) and not _all_blocked(entries)


def names_of(values: Iterable[Target]) -> tuple[str, ...]:
    """Return the models that fallbacks name."""
    return tuple(value["model"] if isinstance(value, dict) else value for value in values)


def own_chain(chains: Mapping[str, T], name: str) -> T | None:
    """Return a name's own list of fallbacks; the one of all other models (`*`) is not its own.

    LiteLLM takes the list of exactly this name, else the last one whose name is this one without its provider, or with
    the provider that it knows for it. It matches no pattern.

    Args:
        chains: Name → its list.
        name: The name that was asked for.
    """
    if name in chains and name != "*":
        return chains[name]
    provider, _, bare = name.partition("/")
    same = {bare} if provider in PROVIDERS else set()
    if "/" not in name:
        same = {f"{one}/{name}" for one, beginnings in INFERRED.items() if name.startswith(beginnings)}
    found = [chain for source, chain in chains.items() if source in same and source != "*"]
    return found[-1] if found else None


def _info(entry: Deployment) -> Mapping[str, object]:
    info: Mapping[str, object] = dict(entry.get("model_info") or {})
    return info


def _all_blocked(entries: Collection[Deployment]) -> bool:
    return bool(entries) and all(_info(entry).get("blocked") is True for entry in entries)


def _grouped(pairs: Iterable[tuple[str, Deployment]]) -> dict[str, list[Deployment]]:
    found: dict[str, list[Deployment]] = {}
    for name, entry in pairs:
        found.setdefault(name, []).append(entry)
    return found


def _access_groups(entries: Iterable[Deployment]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        groups = _info(entry).get("access_groups")
        for group in groups if isinstance(groups, list) else ():
            found.setdefault(str(group), []).append(entry["model_name"])
    return {group: tuple(dict.fromkeys(members)) for group, members in found.items()}
