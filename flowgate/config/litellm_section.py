"""LiteLLM's settings, in `litellm_base` and in every profile: only their shape and their references are checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from flowgate.config import model_names
from flowgate.config.section import Section

if TYPE_CHECKING:
    from flowgate.domain import LiteLLMSettings

MAPPINGS = ("router_settings", "litellm_settings", "general_settings", "environment_variables")
# LiteLLM silently ignores a root key that it does not know; FlowGate rejects it.
# Source: ProxyConfig in litellm/proxy/proxy_server.py, 1.106.2
LITELLM_KEYS = (
    *("model_list", *MAPPINGS, "callback_settings", "credential_list", "guardrails", "prompts", "include"),
    *("mcp_servers", "mcp_tools", "agents", "agent_list", "policies", "policy_attachments", "search_tools"),
    *("sandbox_tools", "vector_store_registry", "worker_registry", "default_vertex_config", "assistant_settings"),
    *("finetune_settings", "files_settings"),
)
# Settings that are often written one level too high, or outside LiteLLM's settings → where LiteLLM reads them.
SECTION_OF = {
    **dict.fromkeys(("master_key", "database_url", "alerting"), "general_settings"),
    **dict.fromkeys(("num_retries", "timeout", "stream_timeout", "allowed_fails", "cooldown_time"), "router_settings"),
    **dict.fromkeys(("fallbacks", "default_fallbacks", "model_group_alias", "routing_strategy"), "router_settings"),
    **dict.fromkeys(("retry_policy", "allowed_fails_policy", "disable_cooldowns"), "router_settings"),
    **dict.fromkeys(("drop_params", "callbacks", "success_callback", "cache"), "litellm_settings"),
}
ONE_MODEL = "write at least one: `- {model_name: NAME, litellm_params: {model: openai/ID}}`"


def read_base(section: Section) -> LiteLLMSettings:
    """Read LiteLLM's settings under every profile."""
    if "model_list" not in section.tree:
        section.add_fault("model_list", f"'{section.at('model_list')}' is missing", ONE_MODEL)
    return _checked(section)


def read_profiles(section: Section) -> dict[str, LiteLLMSettings]:
    """Read the profiles: name → settings that are merged over the base."""
    if not section.tree:
        section.add_fault("", "the config has no profiles", "write at least one: `profiles: {balanced: {}}`")
    return {name: _checked(section.section(name)) for name in section.named("a profile's name")}


def read_own_names(section: Section) -> dict[str, dict[str, str | None]]:
    """Read each profile's own `model_names`, and take them out of LiteLLM's settings."""
    found = {}
    for name in section.tree:
        if isinstance(section.tree[name], dict) and model_names.KEY in section.tree[name]:
            profile = section.section(name)
            found[str(name)] = model_names.read(profile, removes=True)
            del profile.tree[model_names.KEY]
    return found


def _checked(section: Section) -> LiteLLMSettings:
    section.only(LITELLM_KEYS, fixes_of_misplaced(section.path))
    for key in MAPPINGS:
        if key in section.tree and not isinstance(section.tree[key], dict):
            section.wrong(key, section.tree[key], "a mapping (key: value)", "remove the key if it has no value")
    if "model_list" in section.tree:
        _check_models(section)
    for name in ("router_settings", "litellm_settings"):
        if isinstance(section.tree.get(name), dict):
            _check_routing(section.section(name))
    for key, text in _texts(section.tree, ""):
        section.refer(key, text)
    return cast("LiteLLMSettings", section.tree)


def fixes_of_misplaced(path: str) -> dict[str, str]:
    """Return for each setting of a section of LiteLLM what to do if it is written outside of that section.

    Args:
        path: The path that the section belongs to: `litellm_base` or a profile.
    """
    own = {model_names.KEY: "write it at the top level of the config, or in a profile"}
    return {**own, **{name: f"write it under {path}.{section}" for name, section in SECTION_OF.items()}}


def _check_models(section: Section) -> None:
    models = section.tree["model_list"]
    if not isinstance(models, list) or not models:
        section.wrong("model_list", models, "a list of one or more models", ONE_MODEL)
        return
    for index, entry in enumerate(models):
        at = f"model_list.{index}"
        if not isinstance(entry, dict):
            section.wrong(at, entry, "a mapping with `model_name` and `litellm_params`")
            continue
        name, params = entry.get("model_name"), entry.get("litellm_params")
        if not isinstance(name, str) or not name:
            section.wrong(f"{at}.model_name", name, "the model name that clients use")
        if not isinstance(params, dict):
            section.wrong(f"{at}.litellm_params", params, "a mapping with `model`")
        elif not isinstance(params.get("model"), str) or not params["model"]:
            section.wrong(f"{at}.litellm_params.model", params.get("model"), "a string like openai/gpt-5")
        if not _is_mapping(entry.get("model_info") or {}):
            section.wrong(f"{at}.model_info", entry["model_info"], "a mapping")


def _check_routing(settings: Section) -> None:
    """Reject fallbacks, aliases and policies of a wrong shape: LiteLLM fails on them at the first error, or never."""
    for key, (fits, wanted) in SHAPES.items():
        value = settings.tree.get(key)
        if value is not None and not fits(value):
            settings.wrong(key, value, wanted)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_mapping_of_mappings(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_mapping, value.values()))


def _is_target(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("model"), str))


def _are_targets(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_target, value))


def _are_aliases(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_target, value.values()))


def _are_fallbacks(value: object) -> bool:
    chains = value if isinstance(value, list) else [None]
    return all(isinstance(chain, dict) and all(map(_are_targets, chain.values())) for chain in chains)


_FALLBACKS = (_are_fallbacks, "a list like [{router-default: [router-cheap]}]")
SHAPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "fallbacks": _FALLBACKS,
    "context_window_fallbacks": _FALLBACKS,
    "content_policy_fallbacks": _FALLBACKS,
    "default_fallbacks": (_are_targets, "a list like [router-cheap]"),
    "model_group_alias": (_are_aliases, "a mapping like {name: router-cheap}"),
    "retry_policy": (_is_mapping, "a mapping like {TimeoutErrorRetries: 0}"),
    "allowed_fails_policy": (_is_mapping, "a mapping like {TimeoutErrorAllowedFails: 0}"),
    "model_group_retry_policy": (_is_mapping_of_mappings, "a mapping like {router-default: {TimeoutErrorRetries: 0}}"),
}


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path.lstrip("."), value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, f"{path}.{index}")
