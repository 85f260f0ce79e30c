"""Complete the settings that LiteLLM looks up by the name that was asked for.

Source: measured on LiteLLM 1.106.2. It looks up fallbacks and `model_group_retry_policy` by the name that a client
asked for, so those of a model do not hold for its aliases and ids. It follows an alias one step only, fails to start if
an alias written as a mapping lacks `hidden`, and accepts one model in each entry of `fallbacks`, while in the other two
lists it ignores all but the first.
"""

from __future__ import annotations

from typing import cast

from flowgate.domain import LiteLLMSettings, RouterSettings, Target
from flowgate.gateway import promises
from flowgate.gateway.model_names import ID, ModelNames, names_of, own_chain

POLICY = "model_group_retry_policy"
Chains = dict[str, list[Target]]


def complete(settings: LiteLLMSettings, changes: list[str]) -> None:
    """Make what a profile says about a model hold for every name of the model.

    Args:
        settings: LiteLLM's settings; `router_settings` is changed in place.
        changes: Receives the changes as sentences.
    """
    router = settings.get("router_settings")
    if not router:
        return
    _complete_aliases(settings, router, changes)
    _split_entries(router, changes)
    names = ModelNames(settings)
    for name in (*names.aliases, *names.ids):
        _add_chains(names, name, router, changes)
        _add_policy(names, name, router, changes)


def chains(router: RouterSettings, key: str) -> Chains:
    """Return a list of fallbacks as model → its fallbacks, as written; LiteLLM uses the first list of a model."""
    found: Chains = {}
    lists = cast("dict[str, object]", router).get(key)
    for entry in lists if isinstance(lists, list) else ():
        for source, targets in entry.items():
            found.setdefault(str(source), targets)
    default = router.get("default_fallbacks")
    if key == "fallbacks" and default and isinstance(default, list):
        found.setdefault("*", default)
    return found


def mentioned(settings: LiteLLMSettings) -> tuple[str, ...]:
    """Return every name in fallbacks, wherever they are written, `*` included."""
    sections = (settings.get("router_settings") or {}, settings.get("litellm_settings") or {})
    found = [promises.chains(section, key) for section in sections for key in promises.LISTS]
    return tuple(dict.fromkeys(name for one in found for source, targets in one.items() for name in (source, *targets)))


def _complete_aliases(settings: LiteLLMSettings, router: RouterSettings, changes: list[str]) -> None:
    aliases = router.get("model_group_alias") or {}
    names = ModelNames(settings)
    for alias, value in aliases.items():
        if isinstance(value, dict) and "hidden" not in value:
            aliases[alias] = cast("Target", {**value, "hidden": False})
            changes.append(f"router_settings.model_group_alias.{alias}.hidden: false is added: LiteLLM needs it")
        target = names.aliases.get(alias, "")
        last = _last(names, alias)
        if last != target:
            written = aliases[alias]
            aliases[alias] = cast("Target", {**written, "model": last}) if isinstance(written, dict) else last
            changes.append(
                f"router_settings.model_group_alias.{alias}: {target} → {last}: LiteLLM does not follow an alias of an "
                "alias"
            )


def _last(names: ModelNames, alias: str) -> str:
    """Follow aliases of aliases up to a name that LiteLLM answers; the first target if they form a loop."""
    first = target = names.aliases.get(alias, "")
    seen = {alias}
    while target in names.aliases and target not in names.models:
        if target in seen:
            return first
        seen.add(target)
        target = names.aliases[target]
    return target


def _split_entries(router: RouterSettings, changes: list[str]) -> None:
    settings = cast("dict[str, object]", router)
    for key in promises.LISTS:
        lists = settings.get(key)
        if isinstance(lists, list) and any(isinstance(entry, dict) and len(entry) != 1 for entry in lists):
            settings[key] = [{source: targets} for entry in lists for source, targets in entry.items()]
            changes.append(f"router_settings.{key}: one entry for each model: LiteLLM accepts no other form")


def _add_chains(names: ModelNames, name: str, router: RouterSettings, changes: list[str]) -> None:
    """Add the fallbacks of the model behind an alias or an id."""
    settings = cast("dict[str, object]", router)
    model = _model_behind(names, name)
    for key in promises.LISTS:
        found = chains(router, key)
        if not model or own_chain(found, name) is not None:
            continue
        own, every = own_chain(found, model), found.get("*")
        if own is None and (not every or model not in names_of(every)):
            continue  # what holds for all other models holds for this name too
        added = [one for one in (every or [] if own is None else own) if names_of([one])[0] not in (model, name)]
        if not added and not every:
            continue
        settings[key] = [*cast("list[Chains]", settings.get(key) or []), {name: added}]
        shown = ", ".join(names_of(added)) or "none"
        changes.append(
            f"router_settings.{key}: {name} → {shown} is added, as for {model}: LiteLLM looks up fallbacks by the name "
            "that was asked for"
        )


def _model_behind(names: ModelNames, name: str) -> str:
    """Return the name whose settings hold for an alias or an id; empty if nothing answers."""
    answer = names.resolve(name)
    if answer is None:
        return ""
    return answer.group if answer.kind == ID else names.aliases[name]


def _add_policy(names: ModelNames, name: str, router: RouterSettings, changes: list[str]) -> None:
    policies = router.get("model_group_retry_policy") or {}
    model = _model_behind(names, name)
    if model in policies and name not in policies:
        policies[name] = dict(policies[model])
        changes.append(f"router_settings.{POLICY}: {name} is added, as for {model}: LiteLLM looks it up by this name")
