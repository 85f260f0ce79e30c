"""Values that promises depend on and that are not known while a variable is not set."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.domain import LiteLLMSettings
from flowgate.domain.secret_names import is_secret_name
from flowgate.gateway import litellm
from flowgate.gateway.setting_values import PREFIX, entries

PROMISED = ("model", "api_base", "timeout", "stream_timeout", "num_retries", "cooldown_time", "order", "max_retries")


def unknown(settings: LiteLLMSettings) -> list[str]:
    """Return which values that promises depend on are references to variables that are not set, one sentence each.

    Args:
        settings: LiteLLM's settings, compiled.
    """
    found = list(_references("router_settings", settings.get("router_settings")))
    needed = litellm.needed_models(settings)
    for entry in settings.get("model_list", ()):
        if entry["model_name"] not in needed and not entry["model_name"].startswith(PREFIX):
            continue  # without the variable it does not work, and nothing else depends on it
        params = {name: value for name, value in entry["litellm_params"].items() if name in PROMISED}
        own = {"model_name": entry["model_name"], "litellm_params": params}
        found += [(f"{path} of {entry['model_name']}", name) for path, name in _references("", own)]
    return [f"{path.lstrip('.')} is not known: the variable {name} is not set" for path, name in found]


def _references(path: str, value: object) -> Iterator[tuple[str, str]]:
    name = path.rpartition(".")[2]
    if isinstance(value, str) and value.startswith(PREFIX) and not is_secret_name(name) and "redis" not in name:
        yield path, value.removeprefix(PREFIX)
    for key, one in entries(value):
        yield from _references(f"{path}.{key}", one)
