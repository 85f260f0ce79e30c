"""Which setting names the LiteLLM in force knows; it silently ignores all others.

A name is known if its source declares it or looks it up, or if a version that was compared with it by hand knew it
(`litellm_keys`). Where the source cannot be read, nothing is certain.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowgate.gateway import litellm_keys
from flowgate.gateway.litellm_declarations import Declarations, Kinds

# Arguments of LiteLLM's router that its proxy sets itself: they have no effect in `router_settings`.
NOT_SETTINGS = frozenset({"model_list", "search_tools", "assistants_config", "router_general_settings"}) | {
    *("ignore_invalid_deployments", "fallback_access_check", "fallback_budget_check", "auto_router_capability_limit")
}
# Variables of the library that are not settings: LiteLLM fills or deprecates them.
NOT_OF_LIBRARY = frozenset({"retry", "token", "email", "logging"})
MODELS = "_models"  # the end of variables that hold a provider's models
SECTIONS = (
    *("router_settings", "litellm_settings", "general_settings"),
    *("router_settings.retry_policy", "router_settings.allowed_fails_policy"),
    *("litellm_settings.retry_policy", "litellm_settings.allowed_fails_policy"),
)
COMPLETE = ("router_settings", "retry_policy", "allowed_fails_policy")  # LiteLLM accepts these names and no others


def names(section: str, declared: Declarations) -> frozenset[str]:
    """Return the known names of a section; those that LiteLLM merely looks up are left out.

    Args:
        section: One of `SECTIONS`.
        declared: What LiteLLM declares.
    """
    if section.endswith("retry_policy"):
        return frozenset(declared.retry_policy) or litellm_keys.RETRY_POLICY
    if section.endswith("allowed_fails_policy"):
        return frozenset(declared.fails_policy) or litellm_keys.FAILS_POLICY
    router = frozenset(name for name in declared.router if name[0] != "_") - NOT_SETTINGS or litellm_keys.ROUTER
    if section == "router_settings":
        return router
    if section == "litellm_settings":  # settings of the router are moved from there
        own = frozenset(name for name in declared.library if not name.endswith(MODELS))
        return (own - NOT_OF_LIBRARY) | litellm_keys.LIBRARY | router
    return frozenset(declared.general) | litellm_keys.GENERAL


def is_readable(section: str, declared: Declarations) -> bool:
    """Return whether a section's names could be read from LiteLLM's source.

    Args:
        section: One of `SECTIONS`.
        declared: What LiteLLM declares.
    """
    read: Mapping[str, Kinds] = {
        "router_settings": declared.router,
        "litellm_settings": declared.library,
        "general_settings": declared.general,
        "retry_policy": declared.retry_policy,
        "allowed_fails_policy": declared.fails_policy,
    }
    return bool(read[section.rpartition(".")[2]])


def is_known(section: str, key: str, declared: Declarations) -> bool:
    """Return whether LiteLLM knows a name in a section.

    Args:
        section: One of `SECTIONS`.
        key: The name.
        declared: What LiteLLM declares.
    """
    if key in names(section, declared):
        return True
    return not section.endswith(COMPLETE) and key in declared.looked_up(section)
