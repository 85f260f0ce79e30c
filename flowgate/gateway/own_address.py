"""Models whose address is the gateway's own, or that are given the key of a client.

A request to the own address would come back, again and again; a shell that has sourced a client's file leads there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from flowgate.domain import Config, Secret
from flowgate.domain.client_keys import PREFIX
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import litellm

REFERENCE = "os.environ/"
CLIENT_KEY = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")
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
        params = entry["litellm_params"]
        key = str(params.get("api_key") or "")
        if not any(params.get(name) for name in ADDRESSES) and CLIENT_KEY.fullmatch(_text(key, variables)):
            what = f"the api_key of model '{entry['model_name']}' is a key for a gateway, not for its provider"
            fix = (
                f"unset {key.removeprefix(REFERENCE)}: a file of client.add sets it"
                if key.startswith(REFERENCE)
                else ""
            )
            place = config.place(f"{root}.model_list.{index}.litellm_params.api_key")
            yield UsageError(what, place=place, fix=fix or "write the provider's key, as os.environ/NAME")


def _of_variables(config: Config, variables: Mapping[str, Secret]) -> Iterator[FlowGateError]:
    env = config.services[litellm.NAME].env
    for name in VARIABLES:
        if _leads_here(config, env.get(name), variables):
            what = f"{name} sends LiteLLM's requests to this gateway itself, so that none would ever end"
            place = config.place(f"services.{litellm.NAME}.env.{name}")
            yield UsageError(what, place=place, fix="take it out: this variable is for the gateway's clients")


def _leads_here(config: Config, address: object, variables: Mapping[str, Secret]) -> bool:
    text = _text(str(address or ""), variables)
    service = config.services[litellm.NAME]
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port
    except ValueError:  # not a URL, or an invalid port: LiteLLM reports it
        return False
    return port == service.port and parts.hostname in (*HERE, service.host)


def _text(value: str, variables: Mapping[str, Secret]) -> str:
    """Return a value, or that of the variable to which it refers."""
    if not value.startswith(REFERENCE):
        return value
    found = variables.get(value.removeprefix(REFERENCE))
    return found.reveal() if found else ""
