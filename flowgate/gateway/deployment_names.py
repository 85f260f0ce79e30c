"""Names that a deployment uses and that LiteLLM does not know: providers, and misspelt parameters.

LiteLLM sends a parameter that it does not know to the provider, so only a name that is similar to a known one, and that
LiteLLM's source uses nowhere, is an error.

Source: get_llm_provider in litellm/litellm_core_utils/get_llm_provider_logic.py, 1.106.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from flowgate.config.overlay import overlay
from flowgate.domain import Config
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.setting_values import PREFIX

SIMILAR_PROVIDER, SIMILAR_PARAMETER = 0.75, 0.8


def faults(config: Config, profile: str, declared: Declarations) -> Iterator[FlowGateError]:
    """Find misspelt providers and parameters of the base's deployments and of a profile's.

    Args:
        config: The config.
        profile: The profile's name.
        declared: What LiteLLM declares.
    """
    own = custom_providers(config, profile)
    roots = {"litellm_base": config.litellm_base, f"profiles.{profile}": config.profiles[profile]}
    for root, tree in roots.items():
        for index, entry in enumerate(tree.get("model_list", ())):
            path = f"{root}.model_list.{index}.litellm_params"
            params: Mapping[str, object] = {**entry["litellm_params"]}
            yield from _provider(config, path, params, declared, own)
            yield from _parameters(config, path, params, declared)


def custom_providers(config: Config, profile: str) -> frozenset[str]:
    """Return the providers of the user's own `custom_provider_map`."""
    settings = overlay(config.litellm_base, config.profiles[profile])
    listed = (settings.get("litellm_settings") or {}).get("custom_provider_map")
    entries = listed if isinstance(listed, list) else []
    return frozenset(str(one.get("provider")) for one in entries if isinstance(one, dict))


def _provider(
    config: Config, path: str, params: Mapping[str, object], declared: Declarations, own: frozenset[str]
) -> Iterator[FlowGateError]:
    model, explicit = str(params["model"]), params.get("custom_llm_provider")
    key = "custom_llm_provider" if explicit else "model"
    name = str(explicit) if explicit else model.partition("/")[0] if "/" in model else ""
    known = declared.providers | own
    if not declared.providers or not name or name in known or "*" in name or name.startswith(PREFIX.rstrip("/")):
        return
    if not explicit and (declared.has_model(model) or _is_known_host(params, declared)):
        return
    near = get_close_matches(name.lower(), known, n=1, cutoff=SIMILAR_PROVIDER)
    if near:
        what = f"LiteLLM {declared.version} has no provider '{name}'"
        yield UsageError(what, place=config.place(f"{path}.{key}"), fix=f"did you mean '{near[0]}'?")


def _is_known_host(params: Mapping[str, object], declared: Declarations) -> bool:
    try:
        host = urlsplit(str(params.get("api_base") or "")).hostname
    except ValueError:
        return False
    return bool(host) and str(host) in declared.endpoints


def _parameters(
    config: Config, path: str, params: Mapping[str, object], declared: Declarations
) -> Iterator[FlowGateError]:
    for name in params:
        if not declared.params or not isinstance(name, str) or name in declared.params or name.startswith("_"):
            continue
        near = get_close_matches(name.lower().replace("-", "_"), declared.params, n=1, cutoff=SIMILAR_PARAMETER)
        if near and not declared.is_used(name):
            what = f"LiteLLM {declared.version} has no parameter '{name}'"
            yield UsageError(what, place=config.place(f"{path}.{name}"), fix=f"did you mean '{near[0]}'?")
