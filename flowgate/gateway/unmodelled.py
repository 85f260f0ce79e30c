"""Settings of LiteLLM whose effect on the promises FlowGate has not measured: what they touch is unknown; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowgate.domain import LiteLLMSettings
from flowgate.gateway import promises
from flowgate.gateway.retry_counts import DEFAULT, policies
from flowgate.gateway.setting_placement import TIMEOUT_FAILS

ATTEMPTS, COOLDOWNS, WAITS = "how many attempts reach a model", "when a cooldown starts", "how long a client waits"


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """One setting.

    Attributes:
        setting: Its path.
        topics: What it changes in a way that is not known: `ATTEMPTS`, `COOLDOWNS`, `WAITS`.
    """

    setting: str
    topics: tuple[str, ...]


def unmodelled(settings: LiteLLMSettings) -> list[Unmodelled]:
    """Return the settings of a profile that make promises unknown.

    Args:
        settings: LiteLLM's settings, compiled.
    """
    router: Mapping[str, object] = dict(settings.get("router_settings") or {})
    return [*_of_router(router), *_of_policies(settings), *_of_deployments(settings), *_of_paths(settings)]


def _of_router(router: Mapping[str, object]) -> Iterator[Unmodelled]:
    if router.get("enable_weighted_failover") is True:
        yield Unmodelled("router_settings.enable_weighted_failover", (ATTEMPTS, COOLDOWNS, WAITS))
    if _is_positive(router.get("retry_after")):
        yield Unmodelled("router_settings.retry_after", (WAITS,))
    counted, allowed = router.get("allowed_fails_policy"), router.get("allowed_fails")
    if isinstance(counted, dict) and not router.get("disable_cooldowns"):
        others = {key: value for key, value in counted.items() if key != TIMEOUT_FAILS and value is not None}
        if (allowed is None and counted) or any(value != allowed for value in others.values()):
            yield Unmodelled("router_settings.allowed_fails_policy", (COOLDOWNS,))


def _of_policies(settings: LiteLLMSettings) -> Iterator[Unmodelled]:
    """Find policies that repeat requests while their model is in cooldown: LiteLLM pauses before each repetition."""
    for path, policy in policies(settings):
        if _is_positive(policy.get(DEFAULT)):
            yield Unmodelled(f"{path}.{DEFAULT}", (WAITS,))


def _of_deployments(settings: LiteLLMSettings) -> Iterator[Unmodelled]:
    for index, entry in enumerate(settings.get("model_list", ())):
        params: Mapping[str, object] = dict(entry["litellm_params"])
        if _is_positive(params.get("max_retries")):
            yield Unmodelled(f"model_list.{index}.litellm_params.max_retries", (ATTEMPTS, WAITS))


def _of_paths(settings: LiteLLMSettings) -> Iterator[Unmodelled]:
    """Find names whose requests reach the same model of a provider several times, by orders or fallbacks."""
    for name, path in promises.paths(settings).items():
        asked = [entry["litellm_params"]["model"] for entry in path]
        if twice := next((model for model in asked if asked.count(model) > 1), ""):
            yield Unmodelled(f"model_list ({name} leads to {twice} {asked.count(twice)} times)", (ATTEMPTS, COOLDOWNS))


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
