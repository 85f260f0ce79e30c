"""What is wrong between the two programs' files, found before anything starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from flowgate.domain import Config, Tree
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway import cliproxy, litellm, litellm_keys, promises
from flowgate.gateway.policy import Policy
from flowgate.gateway.policy_summary import seconds

CHAINS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
PATIENCE = 600.0  # OpenAI's and Anthropic's own clients give up then
ALIKE = 0.8
SECTIONS: Mapping[str, Collection[str]] = {
    "router_settings": litellm_keys.ROUTER,
    "litellm_settings": litellm_keys.LIBRARY | litellm_keys.ROUTER,  # what belongs to the router is moved there
    "general_settings": litellm_keys.GENERAL,
    "router_settings.retry_policy": litellm_keys.RETRY_POLICY,
    "router_settings.allowed_fails_policy": litellm_keys.FAILS_POLICY,
    "litellm_settings.retry_policy": litellm_keys.RETRY_POLICY,
    "litellm_settings.allowed_fails_policy": litellm_keys.FAILS_POLICY,
}
CLOSED = ("router_settings", "retry_policy", "allowed_fails_policy")  # LiteLLM takes these names and no other


def faults(config: Config, profile: str, policy: Policy) -> list[FlowGateError]:
    """List what LiteLLM would ignore, or never come back from, under a profile.

    Args:
        policy: What the profile was compiled to.
    """
    where = _Where(config, profile)
    found: list[FlowGateError] = []
    for root, tree in where.trees():
        found += [fault for fault, sure in _keys(where, root, tree) if sure]
    return [*found, *_targets(where, policy.litellm), *_circles(where, policy.litellm)]


def warnings(config: Config, profile: str, policy: Policy) -> list[str]:
    """List what is doubtful under a profile, one sentence each."""
    where = _Where(config, profile)
    found = [str(fault) for root, tree in where.trees() for fault, sure in _keys(where, root, tree) if not sure]
    return [*found, *_southbound(config, policy.litellm), *_times(config, policy), *_billed(where, policy.litellm)]


def unserved_models(asked: Collection[str], served: Collection[str]) -> list[str]:
    """Name the models that LiteLLM would ask CLIProxyAPIPlus for and that it does not list."""
    return [name for name in asked if name not in served]


class _Where:
    """Finds the line of a setting: the profile's, else the base's."""

    def __init__(self, config: Config, profile: str) -> None:
        self.config, self.profile = config, profile

    def trees(self) -> Iterator[tuple[str, Tree]]:
        yield "litellm_base", self.config.litellm_base
        yield f"profiles.{self.profile}", self.config.profiles[self.profile]

    def place(self, *paths: str) -> str:
        """Give the place of the first path that is written, in the profile before the base."""
        for root in (f"profiles.{self.profile}", "litellm_base"):
            for path in paths:
                if f"{root}.{path}" in self.config.places:
                    return self.config.place(f"{root}.{path}")
        return self.config.place(f"profiles.{self.profile}")


def _keys(where: _Where, root: str, tree: Tree) -> Iterator[tuple[FlowGateError, bool]]:
    """Find keys that LiteLLM ignores; sure when the list is closed or a known key is very near."""
    for section, known in SECTIONS.items():
        settings: object = tree
        for part in section.split("."):
            settings = settings.get(part) if isinstance(settings, dict) else None
        for key in settings if isinstance(settings, dict) else ():
            if key in known:
                continue
            meant = litellm_keys.MEANT.get(key) if section == "router_settings" else None
            near = [meant] if meant else get_close_matches(str(key), known, n=1, cutoff=ALIKE)
            path = f"{root}.{section}.{key}"
            fix = f"did you mean '{near[0]}'? LiteLLM ignores a name that it does not know" if near else ""
            sure = bool(near) or section.endswith(CLOSED)
            fix = fix or "LiteLLM ignores it; drop it" if sure else "LiteLLM may ignore it"
            what = f"LiteLLM has no setting '{section}.{key}'"
            yield UsageError(what, fix=fix, place=where.config.place(path)), sure


def _names(tree: Tree) -> set[str]:
    """Name whatever a question or a fallback may be put to."""
    router = tree.get("router_settings") or {}
    ids = {str((entry.get("model_info") or {}).get("id")) for entry in tree.get("model_list") or ()}
    return {*promises.models(tree), *(router.get("model_group_alias") or {}), *ids}


def _targets(where: _Where, tree: Tree) -> Iterator[FlowGateError]:
    router, known = tree.get("router_settings") or {}, _names(tree)
    if any("*" in name for name in known):  # a wildcard answers whatever it is asked for
        return
    shown = sorted(known - {"None"})
    for key in CHAINS:
        at = where.place(f"router_settings.{key}", f"litellm_settings.{key}", "router_settings.default_fallbacks")
        for source, targets in promises.chains(router, key).items():
            for name in targets if source == "*" else (source, *targets):
                if name not in known:
                    yield UnknownName(f"model of {key}", name, known=shown, at=at)
    for alias, target in (router.get("model_group_alias") or {}).items():
        name = promises.target_name(target)
        if name not in known:
            at = where.place("router_settings.model_group_alias", "litellm_settings.model_group_alias")
            yield UnknownName(f"model behind the alias {alias}", name, known=shown, at=at)


def _circles(where: _Where, tree: Tree) -> Iterator[FlowGateError]:
    """Refuse fallbacks that lead back to a model that has just failed."""
    router = tree.get("router_settings") or {}
    aliases = {name: promises.target_name(target) for name, target in (router.get("model_group_alias") or {}).items()}
    for key in CHAINS:
        graph: dict[str, list[str]] = {}
        for source, targets in promises.chains(router, key).items():
            if source != "*":  # LiteLLM leaves out the model that failed
                graph.setdefault(aliases.get(source, source), []).extend(aliases.get(one, one) for one in targets)
        circle = _circle(graph)
        if circle:
            at = where.place(f"router_settings.{key}", f"litellm_settings.{key}")
            what = f"{key} lead in a circle: {' → '.join(circle)}"
            yield UsageError(what, place=at, fix="a model that failed would be asked again; drop one of these steps")


def _circle(graph: Mapping[str, list[str]]) -> list[str]:
    """Find one way that comes back to where it began; empty when there is none."""
    clean: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in clean:
            return []
        for target in graph.get(name, ()):
            if found := walk(target, [*way, name]):
                return found
        clean.add(name)
        return []

    return next((found for name in graph if (found := walk(name, []))), [])


def _southbound(config: Config, tree: Tree) -> Iterator[str]:
    key = litellm.PREFIX + cliproxy.UPSTREAM_KEY
    south = config.services[cliproxy.NAME]
    for entry in tree.get("model_list") or ():
        params, name = entry.get("litellm_params") or {}, entry.get("model_name")
        if litellm.uses_upstream(config, params):
            if params.get("api_key") != key:
                yield (
                    f"{name} asks CLIProxyAPIPlus with another key than {key}: unless that is the same key, "
                    "it is answered 401"
                )
        elif params.get("api_key") == key:
            base = urlsplit(str(params.get("api_base") or "")).netloc or "the vendor itself"
            yield f"{name} shows CLIProxyAPIPlus' key to {base}; CLIProxyAPIPlus is at {south.host}:{south.port}"


def _billed(where: _Where, tree: Tree) -> Iterator[str]:
    """Say what costs money without anybody asking.

    Source: LiteLLM 1.106.2, proxy_server.py: it asks every model anew each `health_check_interval` (300 s)
    """
    if (tree.get("general_settings") or {}).get("background_health_checks"):
        at = where.place("general_settings.background_health_checks", "general_settings")
        yield f"background_health_checks lets LiteLLM ask every model again and again, which costs money ({at})"


def _times(config: Config, policy: Policy) -> Iterator[str]:
    found = policy.promises
    drain = config.services[litellm.NAME].drain_timeout
    if found.stream_timeout > found.request_timeout:
        yield (
            f"a stream may be silent for {seconds(found.stream_timeout)}, longer than a whole answer may take "
            f"({seconds(found.request_timeout)})"
        )
    if promises.LIBRARY_TIMEOUT > found.request_timeout > drain:
        yield (
            f"an answer may take {seconds(found.request_timeout)}, but a switch waits {seconds(drain)} "
            "(services.litellm.drain_timeout): it would cut it"
        )
    if found.request_timeout < promises.LIBRARY_TIMEOUT and found.waits.quiet > PATIENCE:
        yield (
            f"a client may wait {seconds(found.waits.quiet)} when nobody answers; most give up after "
            f"{seconds(PATIENCE)}: lower timeout, or set retry_policy.TimeoutErrorRetries to 0"
        )
    if policy.budget.south > 1:
        yield (
            f"retries multiply: {policy.budget.north} attempts of LiteLLM, each up to {policy.budget.south} rounds of "
            "CLIProxyAPIPlus (request-retry); 0 is enough there"
        )
    pause = policy.cliproxy.get("max-retry-interval")
    if (
        policy.budget.south > 1
        and isinstance(pause, int)
        and pause * (policy.budget.south - 1) >= found.request_timeout
    ):
        yield (
            f"CLIProxyAPIPlus may pause {pause} s before each of its retries (max-retry-interval): LiteLLM's time-out "
            f"of {seconds(found.request_timeout)} ends before"
        )
