"""The config of a gateway that is deployed in order to be rehearsed: the user's own, with stand-ins as its vendors.

Only addresses, names at the vendors and times differ from the config that serves clients. What connects to other
systems is left out, as in the private copy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, cast

from flowgate.domain import Config, LiteLLMSettings
from flowgate.domain.secret_names import REFERENCE
from flowgate.gateway import litellm
from flowgate.gateway.serialization import short_digest
from flowgate.rehearsal import time_scale
from flowgate.rehearsal.plan import REPLACED, Plan, omitted_settings, private_settings
from flowgate.rehearsal.roles import PRIMARY, upstream_model

MARKER = "flowgate-rehearsal-"  # begins the name of a model that no gateway has that serves clients
NO_KEY = "not-needed"  # what LiteLLM sends to the stand-ins in place of a key


class Addresses(NamedTuple):
    """Where the stand-ins answer, as the gateway reaches them.

    Attributes:
        vendors: Base URL of all models.
        refusing: Base URL of the same, which can refuse connections.
    """

    vendors: str
    refusing: str


UNDECIDED = Addresses("http://vendors", "http://refusing")  # in what the digest is made of


def overlay_config(plan: Plan, addresses: Addresses, redis: tuple[str, int] | None = None) -> Config:
    """Return the config of a gateway whose vendors are stand-ins; it has the profile of the plan alone.

    Args:
        plan: The plan of the profile; its scale shortens LiteLLM's times.
        addresses: Where the stand-ins answer.
        redis: Host and port of a Redis server that only gateways of this rehearsal share; its password is their key.
    """
    config, profile = plan.config, plan.profile
    base, over = (_settings(plan, one, addresses) for one in (config.litellm_base, config.profiles[profile]))
    base["general_settings"] = {"master_key": litellm.PREFIX + litellm.MASTER_KEY}
    # Two deployments: a model with a single one would change what FlowGate adds to the profile's settings.
    name = marker(plan)
    entries = [{"model_name": name, "litellm_params": _params(name, addresses, one)} for one in (False, True)]
    for settings in (base, over):
        if "model_list" in settings or settings is base:
            cast("dict[str, list[object]]", settings).setdefault("model_list", []).extend(entries)
    variables = time_scale.retry_delay_variables(plan.scale)
    if redis:
        router = cast("dict[str, object]", base.setdefault("router_settings", {}))
        router |= {
            "redis_host": redis[0],
            "redis_port": redis[1],
            "redis_password": litellm.PREFIX + litellm.MASTER_KEY,
        }
        variables |= time_scale.redis_variables(plan.scale, plan.promises.read_again_seconds)
    own = config.services[litellm.NAME]
    kept = {name: value for name, value in own.env.items() if not value.startswith(REFERENCE)}
    gateway = replace(own, env={**kept, **variables}, cwd=None)
    return replace(
        config,
        services={litellm.NAME: gateway},
        litellm_base=base,
        profiles={profile: over},
        own_model_names={name: names for name, names in config.own_model_names.items() if name == profile},
        budgets=(),
        vars={},
        remote=None,
    )


def marker(plan: Plan) -> str:
    """Return the name of the model by which a rehearsal's gateway is known: it contains a digest of all settings.

    Args:
        plan: The plan of the profile.
    """
    config, profile = plan.config, plan.profile
    parts = [_settings(plan, one, UNDECIDED) for one in (config.litellm_base, config.profiles[profile])]
    names = [dict(config.model_names), dict(config.own_model_names.get(profile, {}))]
    return MARKER + short_digest(json.dumps([profile, plan.scale, parts, names], sort_keys=True, default=str))


def omitted(plan: Plan, redis: bool = False) -> list[str]:
    """Return the names of the settings that a rehearsal's gateway does not get.

    Args:
        plan: The plan of the profile.
        redis: Its gateways share a Redis server of their own, in place of the profile's.
    """
    env = plan.config.services[litellm.NAME].env
    names = [f"services.litellm.env.{name}" for name, value in env.items() if value.startswith(REFERENCE)]
    own = [f"router_settings.{name}" for name in REPLACED] if redis else []
    return [*(one for one in omitted_settings(plan) if one not in own), *names]


def _settings(plan: Plan, settings: LiteLLMSettings, addresses: Addresses) -> LiteLLMSettings:
    made = time_scale.scale_times(private_settings(settings), plan.scale)
    for entry in made.get("model_list", ()):
        model = upstream_model(entry)
        role = plan.roles.by_model.get(model, "")
        params = cast("dict[str, object]", entry["litellm_params"])
        params.pop("custom_llm_provider", None)  # it has precedence over the prefix
        params |= _params(model, addresses, role == PRIMARY)
    return cast("LiteLLMSettings", _without_references(made))


def _params(model: str, addresses: Addresses, refusable: bool) -> dict[str, object]:
    base = addresses.refusing if refusable else addresses.vendors
    return {"model": f"openai/{model}", "api_base": f"{base}/v1", "api_key": NO_KEY}


def _without_references(value: object) -> object:
    """Return plain data without the values that are variables: the gateway of a rehearsal has none of their keys."""
    if isinstance(value, Mapping):
        kept = {key: one for key, one in value.items() if not _is_reference(one)}
        return {key: _without_references(one) for key, one in kept.items()}
    if isinstance(value, list):
        return [_without_references(one) for one in value if not _is_reference(one)]
    return value


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(REFERENCE)
