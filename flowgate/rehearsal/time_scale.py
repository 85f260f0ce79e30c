"""The time scale of a rehearsal: LiteLLM's times are shortened so that a cooldown lasts seconds instead of minutes."""

from __future__ import annotations

from collections.abc import Mapping

from flowgate.config.overlay import overlay
from flowgate.domain import LiteLLMSettings
from flowgate.gateway import cooldown_reads
from flowgate.gateway.promises import FIRST_PAUSE, JITTER, LONGEST_PAUSE, Promises, number

SHORTEST_COOLDOWN_SECONDS = 2.0  # a cooldown must last longer than a few requests
SHORTEST_TIMEOUT_SECONDS = 1.5  # a healthy response on a loaded machine must not time out
TIME_SETTINGS = ("timeout", "stream_timeout", "cooldown_time", "request_timeout", "retry_after")


def time_scale(promises: Promises, scales_cooldown: bool = True, settings: LiteLLMSettings | None = None) -> float:
    """Return the factor for LiteLLM's times: as small as the shortest cooldown and the shortest time-out allow.

    Args:
        promises: What the profile promises.
        scales_cooldown: False if CLIProxyAPIPlus applies the cooldowns, whose length is fixed.
        settings: LiteLLM's settings, whose deployments may have shorter time-outs of their own.
    """
    timeout = min([promises.request_timeout, promises.stream_timeout, *_timeouts(settings or {})])
    lowest = [SHORTEST_TIMEOUT_SECONDS / timeout if timeout > 0 else 1.0]
    if scales_cooldown and promises.cooldown_after is not None and promises.cooldown_seconds > 0:
        lowest.append(SHORTEST_COOLDOWN_SECONDS / promises.cooldown_seconds)
    return min(1.0, round(max(lowest), 4))


def _timeouts(settings: LiteLLMSettings) -> list[float]:
    sections: list[Mapping[str, object]] = [dict(settings.get("router_settings") or {})]
    sections += [dict(entry["litellm_params"]) for entry in settings.get("model_list", ())]
    found = [number(section.get(key), 0.0) for section in sections for key in ("timeout", "stream_timeout")]
    return [one for one in found if one > 0]


def scale_times(settings: LiteLLMSettings, factor: float) -> LiteLLMSettings:
    """Return a copy of LiteLLM's settings in which every time is multiplied by a factor."""
    scaled = overlay(settings, {})
    sections: list[object] = [scaled.get("router_settings"), scaled.get("litellm_settings")]
    for entry in scaled.get("model_list", ()):
        sections += [entry["litellm_params"], entry.get("model_info")]
    for section in sections:
        if isinstance(section, dict):
            _scale_section(section, factor)
    return scaled


def _scale_section(section: dict[str, object], factor: float) -> None:
    for key, value in section.items():
        if key in TIME_SETTINGS and isinstance(value, (int, float)) and not isinstance(value, bool):
            section[key] = round(value * factor, 3)


def retry_delay_variables(factor: float) -> dict[str, str]:
    """Return the variables that scale LiteLLM's pauses between attempts. LiteLLM reads them when it is imported."""
    seconds = {"INITIAL_RETRY_DELAY": FIRST_PAUSE, "MAX_RETRY_DELAY": LONGEST_PAUSE, "JITTER": JITTER}
    return {name: f"{value * factor:.4f}" for name, value in seconds.items()}


def redis_variables(factor: float, seconds: float) -> dict[str, str]:
    """Return the variable that scales how often LiteLLM reads the cooldowns of others; also read when it is imported.

    Args:
        factor: The factor for LiteLLM's times.
        seconds: The time that it has in operation.
    """
    return {cooldown_reads.VARIABLE: f"{max(seconds * factor, cooldown_reads.SHORTEST_SECONDS):.4f}"}
