"""Ids under which gateways share the failures of a deployment in a Redis server.

Source: LiteLLM 1.108.7, router.py: without `model_info.id`, the id is a digest of the deployment's parameters with the
values of its keys. Gateways with a key of their own therefore have ids of their own, and share nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import cast

from flowgate.domain import Config, Deployment, LiteLLMSettings
from flowgate.gateway import upstream_deployments
from flowgate.gateway.shared_redis import REFERENCE
from flowgate.gateway.worker_promises import uses_redis

ID_LENGTH = 24


def is_shared(config: Config, entry: Deployment) -> bool:
    """Return whether a deployment is the same on all gateways; with a CLIProxyAPIPlus of their own, each has its own.

    Args:
        config: The config.
        entry: The deployment.
    """
    through_own = not config.remote and upstream_deployments.uses_upstream(config, entry["litellm_params"])
    return _own_id(entry) is not None or not through_own


def with_ids(config: Config, settings: LiteLLMSettings) -> LiteLLMSettings:
    """Return LiteLLM's settings with an id for each shared deployment whose parameters refer to variables.

    Args:
        config: The config.
        settings: LiteLLM's settings; not changed.
    """
    entries = settings.get("model_list", ())
    wanted = {index for index, entry in enumerate(entries) if _needs_id(config, settings, entry)}
    if not wanted:
        return settings
    made = settings.copy()
    made["model_list"] = [_with_id(entry) if index in wanted else entry for index, entry in enumerate(entries)]
    return made


def changes(config: Config, settings: LiteLLMSettings) -> list[str]:
    """Say which deployments get an id.

    Args:
        config: The config.
        settings: LiteLLM's settings.
    """
    names = [one["model_name"] for one in settings.get("model_list", ()) if _needs_id(config, settings, one)]
    why = "gateways with different keys would not share failures and cooldowns in the Redis server"
    return [f"model_info.id is added for {', '.join(dict.fromkeys(names))}: {why}"] if names else []


def own_models(config: Config, settings: LiteLLMSettings) -> list[str]:
    """Return the models that each gateway counts for itself although there is a Redis server.

    Args:
        config: The config.
        settings: LiteLLM's settings.
    """
    entries: Iterable[Deployment] = settings.get("model_list", ()) if uses_redis(settings) else ()
    return list(dict.fromkeys(one["model_name"] for one in entries if not is_shared(config, one)))


def _needs_id(config: Config, settings: LiteLLMSettings, entry: Deployment) -> bool:
    if not uses_redis(settings) or _own_id(entry) is not None or not is_shared(config, entry):
        return False
    return any(isinstance(value, str) and value.startswith(REFERENCE) for value in entry["litellm_params"].values())


def _with_id(entry: Deployment) -> Deployment:
    text = json.dumps([entry["model_name"], entry["litellm_params"]], sort_keys=True, default=str)
    info = {**_info(entry), "id": hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]}
    return cast("Deployment", {**entry, "model_info": info})


def _own_id(entry: Deployment) -> object:
    return _info(entry).get("id")


def _info(entry: Deployment) -> Mapping[str, object]:
    return dict(entry.get("model_info") or {})
