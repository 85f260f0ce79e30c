"""Compile a config that is written as text, as a command does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowgate.config.loader import read
from flowgate.domain import Secret
from flowgate.errors import FlowGateError, MultipleErrors
from flowgate.gateway import preflight
from flowgate.gateway.build import BuildInputs, compile_policy
from flowgate.gateway.policy import Policy

TEXT = """config_version: 2
litellm_base:
  model_list:
    - model_name: big
      litellm_params: {model: PROVIDER/b, api_base: "http://127.0.0.1:8317/v1", api_key: KEY, PARAMS}
    - model_name: small
      litellm_params: {model: openai/s}
  BASE
profiles:
  calm:
    PROFILE
"""


def text(
    profile: str = "router_settings: {}",
    *,
    base: str = "litellm_settings: {}",
    model: str = "openai/b",
    key: str = "os.environ/UPSTREAM_API_KEY",
    params: str = "",
) -> str:
    """Return the text of a config."""
    parts = {"PROVIDER/b": model, "KEY": key, ", PARAMS": f", {params}" if params else "", "BASE": base}
    made = TEXT
    for old, new in {**parts, "PROFILE": profile}.items():
        made = made.replace(old, new, 1)
    return made


def policy(config: str, variables: Mapping[str, str] | None = None) -> Policy:
    """Compile the profile of a config."""
    made = read(config, Path("/x/f.yaml"))
    secrets = {name: Secret(value) for name, value in (variables or {}).items()}
    return compile_policy(made, "calm", BuildInputs({}, None, variables=secrets))


def errors(config: str, variables: Mapping[str, str] | None = None) -> list[FlowGateError]:
    """Return the errors of a config; none if it is accepted."""
    try:
        compiled = policy(config, variables)
        return preflight.faults(read(config, Path("/x/f.yaml")), "calm", compiled)
    except MultipleErrors as found:
        return list(found.errors)
    except FlowGateError as found:
        return [found]


def error(config: str, variables: Mapping[str, str] | None = None) -> FlowGateError:
    """Return the only error of a config."""
    (found,) = errors(config, variables)
    return found
