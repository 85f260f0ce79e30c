"""Which deployments LiteLLM reaches through CLIProxyAPIPlus, and the names it uses there."""

from __future__ import annotations

from urllib.parse import urlsplit

from flowgate.domain import Config, DeploymentParams, LiteLLMSettings
from flowgate.gateway import name_settings
from flowgate.gateway.model_names import ModelNames

UPSTREAM = "cliproxyapi_plus"


def uses_upstream(config: Config, params: DeploymentParams) -> bool:
    """Return whether a deployment is served through CLIProxyAPIPlus."""
    upstream = config.services[UPSTREAM]
    try:
        base = urlsplit(str(params.get("api_base") or ""))
        port = base.port
    except ValueError:  # not a URL, or an invalid port: LiteLLM reports it
        return False
    return port == upstream.port and base.hostname in (upstream.host, "localhost", "127.0.0.1")


def any_through_upstream(config: Config, settings: LiteLLMSettings) -> bool:
    """Return whether LiteLLM sends anything to CLIProxyAPIPlus."""
    return any(uses_upstream(config, entry["litellm_params"]) for entry in settings.get("model_list", ()))


def without_provider(model: object) -> str:
    """Return a deployment's model name without its provider: `openai/gpt-5` → `gpt-5`."""
    return str(model).partition("/")[2] or str(model)


def upstream_models(config: Config, settings: LiteLLMSettings) -> tuple[str, ...]:
    """Return the model names that LiteLLM requests from CLIProxyAPIPlus ("gpt-5" for "openai/gpt-5").

    Of the names that a pattern matches, those are returned that fallbacks and aliases name.
    """
    names = ModelNames(settings)
    asked = [names.resolve(name) for name in (*name_settings.mentioned(settings), *names.aliases)]
    entries = [*settings.get("model_list", ()), *(entry for answer in asked if answer for entry in answer.deployments)]
    found = [
        without_provider(one["litellm_params"]["model"])
        for one in entries
        if uses_upstream(config, one["litellm_params"])
    ]
    return tuple(dict.fromkeys(name for name in found if "*" not in name))
