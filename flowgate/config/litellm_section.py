"""LiteLLM's own settings, under `litellm_base` and in every profile: their shape only, and the variables they name."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.config.schema import Section
from flowgate.domain import Tree

MAPPINGS = ("router_settings", "litellm_settings", "general_settings", "environment_variables")
# LiteLLM ignores a root key it does not know without a word; we do not.
# Source: ProxyConfig in litellm/proxy/proxy_server.py, 1.106.2
LITELLM_KEYS = (
    *("model_list", *MAPPINGS, "callback_settings", "credential_list", "guardrails", "prompts", "include"),
    *("mcp_servers", "mcp_tools", "agents", "agent_list", "policies", "policy_attachments", "search_tools"),
    *("sandbox_tools", "vector_store_registry", "worker_registry", "default_vertex_config", "assistant_settings"),
    *("finetune_settings", "files_settings"),
)
FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
ONE_MODEL = "write one at least: `- {model_name: NAME, litellm_params: {model: openai/ID}}`"


def read_base(section: Section) -> Tree:
    """Read what LiteLLM gets under every profile."""
    if "model_list" not in section.tree:
        section.add_fault("model_list", f"'{section.at('model_list')}' is missing", ONE_MODEL)
    return _checked(section)


def read_profiles(section: Section) -> dict[str, Tree]:
    """Read the profiles: name → what is laid over the base."""
    if not section.tree:
        section.add_fault("", "the config has no profiles", "write one at least: `profiles: {balanced: {}}`")
    return {name: _checked(section.section(name)) for name in section.named("a profile's name")}


def _checked(section: Section) -> Tree:
    section.only(LITELLM_KEYS)
    for key in MAPPINGS:
        if key in section.tree and not isinstance(section.tree[key], dict):
            section.wrong(key, section.tree[key], "a mapping (key: value)", "drop the key where it holds nothing")
    if "model_list" in section.tree:
        _models(section)
    for settings in ("router_settings", "litellm_settings"):
        if isinstance(section.tree.get(settings), dict):
            _chains(section.section(settings))
    for key, text in _texts(section.tree, ""):
        section.refer(key, text)
    return section.tree


def _models(section: Section) -> None:
    models = section.tree["model_list"]
    if not isinstance(models, list) or not models:
        section.wrong("model_list", models, "a list of models, one at least", ONE_MODEL)
        return
    for index, entry in enumerate(models):
        at = f"model_list.{index}"
        if not isinstance(entry, dict):
            section.wrong(at, entry, "a mapping with `model_name` and `litellm_params`")
            continue
        name, params = entry.get("model_name"), entry.get("litellm_params")
        if not isinstance(name, str) or not name:
            section.wrong(f"{at}.model_name", name, "the name that clients ask for")
        if not isinstance(params, dict):
            section.wrong(f"{at}.litellm_params", params, "a mapping with `model`")
        elif not isinstance(params.get("model"), str) or not params["model"]:
            section.wrong(f"{at}.litellm_params.model", params.get("model"), "a text like openai/gpt-5")


def _chains(settings: Section) -> None:
    """Refuse fallbacks that LiteLLM could not follow: it says so only at the first failure, or never."""
    for key in FALLBACKS:
        chains = settings.tree.get(key)
        if chains is not None and not (isinstance(chains, list) and all(map(_is_chain, chains))):
            settings.wrong(key, chains, "a list like [{router-default: [router-cheap]}]")
    aliases = settings.tree.get("model_group_alias")
    targets = aliases.values() if isinstance(aliases, dict) else ()
    if aliases is not None and not (isinstance(aliases, dict) and all(map(_is_target, targets))):
        settings.wrong("model_group_alias", aliases, "a mapping like {name: router-cheap}")


def _is_chain(chain: object) -> bool:
    lists = chain.values() if isinstance(chain, dict) else ()
    return isinstance(chain, dict) and all(isinstance(one, list) and all(map(_is_target, one)) for one in lists)


def _is_target(target: object) -> bool:
    return isinstance(target, str) or (isinstance(target, dict) and isinstance(target.get("model"), str))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path.lstrip("."), value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _texts(entry, f"{path}.{key}")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _texts(entry, f"{path}.{index}")
