"""Models whose address is the gateway's own: each request would come back to it, again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from flowgate.domain import Config, Secret
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import litellm

REFERENCE = "os.environ/"
ADDRESSES = ("api_base", "base_url")  # of a deployment; LiteLLM takes either
HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - how this machine can be named
# Variables that LiteLLM takes for the address of models without one. Source: LiteLLM 1.108.7, litellm/main.py.
VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE", "GEMINI_API_BASE")


def faults(config: Config, profile: str, variables: Mapping[str, Secret]) -> list[FlowGateError]:
    """Find models that ask this gateway itself.

    Args:
        config: The config.
        profile: The profile's name.
        variables: The variables that the settings refer to and that are set.
    """
    return [*_of_models(config, profile, variables), *_of_variables(config, variables)]


def _of_models(config: Config, profile: str, variables: Mapping[str, Secret]) -> Iterator[FlowGateError]:
    own = "model_list" in config.profiles[profile]
    root = f"profiles.{profile}" if own else "litellm_base"
    models = (config.profiles[profile] if own else config.litellm_base).get("model_list", ())
    for index, entry in enumerate(models):
        for name in ADDRESSES:
            if _leads_here(config, entry["litellm_params"].get(name), variables):
                what = f"model '{entry['model_name']}' asks this gateway itself, so that no request would ever end"
                place = config.place(f"{root}.model_list.{index}.litellm_params.{name}")
                yield UsageError(what, place=place, fix=f"write the provider's address as {name}, or leave it out")


def _of_variables(config: Config, variables: Mapping[str, Secret]) -> Iterator[FlowGateError]:
    env = config.services[litellm.NAME].env
    for name in VARIABLES:
        if _leads_here(config, env.get(name), variables):
            what = f"{name} sends LiteLLM's requests to this gateway itself, so that none would ever end"
            place = config.place(f"services.{litellm.NAME}.env.{name}")
            yield UsageError(what, place=place, fix="take it out: this variable is for the gateway's clients")


def _leads_here(config: Config, address: object, variables: Mapping[str, Secret]) -> bool:
    text = str(address or "")
    if text.startswith(REFERENCE):
        value = variables.get(text.removeprefix(REFERENCE))
        text = value.reveal() if value else ""
    service = config.services[litellm.NAME]
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:  # not a URL, or an invalid port: LiteLLM reports it
        return False
    return port == service.port and parts.hostname in (*HERE, service.host)
