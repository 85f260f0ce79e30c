"""Which deployments LiteLLM reaches through CLIProxyAPIPlus, and the names it uses there."""

from __future__ import annotations

from collections.abc import Mapping

from flowgate.config.southbound import HOST, PORTS, names_address
from flowgate.domain import Config, DeploymentParams, LiteLLMSettings, Secret
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import name_settings, remote_upstream
from flowgate.gateway.model_names import ModelNames

UPSTREAM = "cliproxyapi_plus"
REFERENCE = "os.environ/"


def uses_upstream(config: Config, params: DeploymentParams) -> bool:
    """Return whether a deployment is served through CLIProxyAPIPlus."""
    if config.remote:
        return remote_upstream.leads_there(config.remote, params)
    upstream = config.services.get(UPSTREAM)
    return upstream is not None and names_address(params.get("api_base"), upstream.host, upstream.port)


def any_through_upstream(config: Config, settings: LiteLLMSettings) -> bool:
    """Return whether LiteLLM sends anything to a CLIProxyAPIPlus that FlowGate starts."""
    return not config.remote and any(
        uses_upstream(config, entry["litellm_params"]) for entry in settings.get("model_list", ())
    )


def addresses(config: Config, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the service's name and the address in use; empty if the gateway has no CLIProxyAPIPlus.

    Args:
        config: The config.
        ports: The port in use of each service.
    """
    upstream = config.services.get(UPSTREAM)
    return {UPSTREAM: f"{upstream.host}:{ports[UPSTREAM]}"} if upstream else {}


def move_port(config: Config, settings: LiteLLMSettings, ports: Mapping[str, int]) -> None:
    """Replace the config's port by the one in use.

    Args:
        config: The config.
        settings: LiteLLM's settings; changed in place.
        ports: The port in use of each service.
    """
    for entry in settings.get("model_list", ()):
        params = entry["litellm_params"]
        if uses_upstream(config, params) and not config.remote:
            old, new = config.services[UPSTREAM].port, ports[UPSTREAM]
            params["api_base"] = params["api_base"].replace(f":{old}", f":{new}", 1)


def faults(config: Config, profile: str, variables: Mapping[str, Secret]) -> list[FlowGateError]:
    """Find models that a variable sends to a CLIProxyAPIPlus which the config does not have.

    An address that is written in the config itself implies the program instead (`Config.implied`).

    Args:
        config: The config.
        profile: The profile's name.
        variables: The variables that the settings refer to and that are set.
    """
    if UPSTREAM in config.services or config.remote:
        return []
    own = "model_list" in config.profiles[profile]
    root = f"profiles.{profile}" if own else "litellm_base"
    models = (config.profiles[profile] if own else config.litellm_base).get("model_list", ())
    found: list[FlowGateError] = []
    for index, entry in enumerate(models):
        base = str(entry["litellm_params"].get("api_base") or "")
        value = variables.get(base.removeprefix(REFERENCE)) if base.startswith(REFERENCE) else None
        if value and names_address(value.reveal(), HOST, PORTS[UPSTREAM]):
            what = f"{base} sends model '{entry['model_name']}' to {HOST}:{PORTS[UPSTREAM]}, where CLIProxyAPIPlus "
            what += f"listens by default, but the config has no services.{UPSTREAM}"
            fix = f"write `{UPSTREAM}: {{}}` below `services`, or use another address"
            place = config.place(f"{root}.model_list.{index}.litellm_params.api_base")
            found.append(UsageError(what, place=place, fix=fix))
    return found


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
