"""Names that a deployment uses and that LiteLLM does not know: providers, and misspelt parameters.

LiteLLM sends a parameter that it does not know to the provider, so only a name that differs from a known one by a
letter or two, and that LiteLLM's source uses nowhere, is an error.

Source: get_llm_provider in litellm/litellm_core_utils/get_llm_provider_logic.py, 1.106.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from urllib.parse import urlsplit

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMSettings
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.setting_values import PREFIX, ReadSettings

SIMILAR_PROVIDER, SIMILAR_PARAMETER = 0.75, 0.8
SHORT, LONG = 6, 9  # letters; in a short name one letter makes another name, in a long one two are still a mistake
# Parameters of LiteLLM itself: in another spelling (apiKey, api-key) they mean the same and have no effect.
OWN = ("api_key", "api_base", "api_version", "base_url", "max_retries", "num_retries", "cooldown_time", "rpm", "tpm")
# Parameters that LiteLLM reads from `litellm_params` only. Source: `Router._create_deployment`, 1.106.2
ONLY_INSIDE = {"model", "api_key", "api_base", "api_version", "base_url", "custom_llm_provider", "order"} | {
    *("timeout", "stream_timeout", "num_retries", "max_retries", "cooldown_time"),
}


def faults(config: Config, profile: str, read: ReadSettings, declared: Declarations) -> Iterator[FlowGateError]:
    """Find misspelt providers and parameters of the base's deployments and of a profile's.

    Args:
        config: The config.
        profile: The profile's name.
        read: The settings, with resolved references.
        declared: What LiteLLM declares.
    """
    own = custom_providers(read.base, read.profile)
    roots = {"litellm_base": read.base, f"profiles.{profile}": read.profile}
    yield from _outside(config, roots)
    for path, params in _deployments(roots):
        key, name = _provider(params)
        near = get_close_matches(name.lower(), declared.providers | own, n=1, cutoff=SIMILAR_PROVIDER)
        if near and not _is_known(params, declared, own):
            what = f"LiteLLM {declared.version} has no provider '{name}'"
            yield UsageError(what, place=config.place(f"{path}.{key}"), fix=f"did you mean '{near[0]}'?")
        for parameter in params:
            if meant := _meant(parameter, declared):
                what = f"LiteLLM {declared.version} has no parameter '{parameter}'"
                yield UsageError(what, place=config.place(f"{path}.{parameter}"), fix=f"did you mean '{meant}'?")


def warnings(settings: LiteLLMSettings, declared: Declarations) -> Iterator[str]:
    """Find models whose provider LiteLLM may not find, one sentence each.

    Args:
        settings: LiteLLM's settings, compiled.
        declared: What LiteLLM declares.
    """
    own = custom_providers(settings, {})
    for entry in settings.get("model_list", ()):
        params: Mapping[str, object] = {**entry["litellm_params"]}
        if not _is_known(params, declared, own):
            what = f"LiteLLM {declared.version} may know no provider of '{params['model']}' ({entry['model_name']})"
            yield f"{what}: a model is written as PROVIDER/MODEL, for example openai/{params['model']}"


def custom_providers(base: LiteLLMSettings, profile: LiteLLMSettings) -> frozenset[str]:
    """Return the providers of the user's own `custom_provider_map`."""
    listed = (overlay(base, profile).get("litellm_settings") or {}).get("custom_provider_map")
    entries = listed if isinstance(listed, list) else []
    return frozenset(str(one.get("provider")) for one in entries if isinstance(one, dict))


def _deployments(roots: Mapping[str, LiteLLMSettings]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for root, tree in roots.items():
        for index, entry in enumerate(tree.get("model_list", ())):
            yield f"{root}.model_list.{index}.litellm_params", {**entry["litellm_params"]}


def _outside(config: Config, roots: Mapping[str, LiteLLMSettings]) -> Iterator[FlowGateError]:
    """Find parameters that are written beside `litellm_params`, where LiteLLM does not look for them."""
    for root, tree in roots.items():
        for index, entry in enumerate(tree.get("model_list", ())):
            for name in entry:
                if name in ONLY_INSIDE:
                    path = f"{root}.model_list.{index}.{name}"
                    what = f"'{path}' has no effect beside litellm_params"
                    yield UsageError(what, place=config.place(path), fix="write it under litellm_params")


def _provider(params: Mapping[str, object]) -> tuple[str, str]:
    """Return the key that names the provider, and the name; empty if none does."""
    if explicit := params.get("custom_llm_provider"):
        return "custom_llm_provider", str(explicit)
    head, slash, _ = str(params["model"]).partition("/")
    return "model", head if slash else ""


def _is_known(params: Mapping[str, object], declared: Declarations, own: frozenset[str]) -> bool:
    """Return whether LiteLLM finds the provider of a deployment, or nothing can be said about it."""
    key, name = _provider(params)
    model = str(params["model"])
    if not declared.providers or model.startswith(PREFIX) or "*" in model or name in declared.providers | own:
        return True
    if key == "custom_llm_provider":
        return name.startswith(PREFIX)
    if not name and model in declared.providers:
        return True
    return ":" in model or declared.has_model(model) or _is_known_host(params, declared)


def _is_known_host(params: Mapping[str, object], declared: Declarations) -> bool:
    try:
        host = urlsplit(str(params.get("api_base") or "")).hostname
    except ValueError:
        return False
    return bool(host) and f'"{host}' in declared.endpoints.replace("https://", "")


def _meant(name: object, declared: Declarations) -> str:
    """Return the parameter that a misspelt one means; empty if the name is right, or may be a provider's own."""
    if not isinstance(name, str) or not declared.params or name in declared.params:
        return ""
    plain = name.lower().replace("-", "_")
    for own in OWN:
        if own.replace("_", "") == plain.replace("_", ""):
            return own
    near = get_close_matches(plain, declared.params, n=3, cutoff=SIMILAR_PARAMETER)
    most = 2 if len(plain) >= LONG else 1 if len(plain) >= SHORT else 0
    return next((one for one in near if distance(plain, one) <= most and not declared.is_used(name)), "")


def distance(one: str, other: str) -> int:
    """Count the letters that must be changed, added, removed or swapped to turn a word into another.

    Args:
        one: A word.
        other: Another one.
    """
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if not i or not j:
                rows[i][j] = i + j
                continue
            change = rows[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, change)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]
