"""Settings of LiteLLM and of CLIProxyAPIPlus, as far as FlowGate reads or writes them.

Users may write any other key, and values of another type; nothing but the shape is checked when the config is read.
"""

from __future__ import annotations

from typing import NotRequired, Required, TypedDict


class ModelTarget(TypedDict):
    """A model in a list of fallbacks, written as a mapping."""

    model: str


Target = str | ModelTarget
Fallbacks = list[dict[str, list[Target]]]


class DeploymentParams(TypedDict, total=False):
    """The `litellm_params` of a deployment."""

    model: Required[str]
    api_base: str
    api_key: str
    order: int
    timeout: float
    num_retries: int
    cooldown_time: float


class ModelInfo(TypedDict, total=False):
    """The `model_info` of a deployment."""

    id: str


class Deployment(TypedDict):
    """One entry of `model_list`."""

    model_name: str
    litellm_params: DeploymentParams
    model_info: NotRequired[ModelInfo]


class RouterSettings(TypedDict, total=False):
    """LiteLLM's `router_settings`; times in seconds."""

    num_retries: int
    retry_policy: dict[str, int]
    model_group_retry_policy: dict[str, dict[str, int]]
    allowed_fails: int
    allowed_fails_policy: dict[str, int]
    cooldown_time: float
    disable_cooldowns: bool
    timeout: float
    stream_timeout: float
    fallbacks: Fallbacks
    context_window_fallbacks: Fallbacks
    content_policy_fallbacks: Fallbacks
    default_fallbacks: list[Target]
    model_group_alias: dict[str, Target]


class LiteLLMSettings(TypedDict, total=False):
    """LiteLLM's config file, or the part of it that a profile sets."""

    model_list: list[Deployment]
    router_settings: RouterSettings
    litellm_settings: dict[str, object]
    general_settings: dict[str, object]
    environment_variables: dict[str, object]


UpstreamSettings = TypedDict(
    "UpstreamSettings",
    {
        "host": str,
        "port": int,
        "auth-dir": str,
        "api-keys": list[str],
        "remote-management": dict[str, object],
        "disable-cooling": bool,
        "request-retry": int,
        "max-retry-interval": int,
        "routing": dict[str, str],
        "commercial-mode": bool,
        "openai-compatibility": list[dict[str, object]],
        "codex-api-key": list[dict[str, str]],
        "embedded": dict[str, list[str]],
    },
    total=False,
)
UpstreamSettings.__doc__ = "The config file of CLIProxyAPIPlus; `embedded` is read by the embedded upstream only."
