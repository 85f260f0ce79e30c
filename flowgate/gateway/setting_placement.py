"""Move LiteLLM's settings to where they have an effect.

Source: measured on LiteLLM 1.106.2 and 1.108.7. Under `litellm_settings`, `allowed_fails` and `cooldown_time` have no
effect on a model with one deployment; nor has `allowed_fails` in `router_settings` if it equals the library's value (3,
or the one in `litellm_settings`). A `request_timeout` there overrides the router's `timeout` for every attempt.
"""

from __future__ import annotations

import math
from typing import cast

from flowgate.config.overlay import overlay
from flowgate.domain import LiteLLMSettings, RouterSettings
from flowgate.gateway.promises import LIBRARY_FAILS, deployments, fallbacks, models, number

NO_EFFECT = "LiteLLM ignores it there for a model with one deployment"
ONE_SECTION = "all policy settings belong in one section"
ROUTER_ONLY = "LiteLLM reads it only from router_settings"
FALLBACKS = ("fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "max_fallbacks")
POLICIES = ("timeout", "stream_timeout", "retry_policy", "allowed_fails_policy", "disable_cooldowns")
# Name in litellm_settings → name in router_settings, and why it is moved.
MOVED = {
    "allowed_fails": ("allowed_fails", NO_EFFECT),
    "cooldown_time": ("cooldown_time", NO_EFFECT),
    "num_retries": ("num_retries", ONE_SECTION),
    "request_timeout": ("timeout", "so that every attempt has the same time-out"),
    **{key: (key, ONE_SECTION) for key in FALLBACKS},
    **{key: (key, ROUTER_ONLY) for key in (*POLICIES, "model_group_alias", "routing_strategy")},
}
TIMEOUT_FAILS = "TimeoutErrorAllowedFails"
COUNTED_FAILS = (
    *("InternalServerErrorAllowedFails", "ServiceUnavailableErrorAllowedFails", "BadGatewayErrorAllowedFails"),
    *(TIMEOUT_FAILS, "RateLimitErrorAllowedFails", "AuthenticationErrorAllowedFails", "NotFoundErrorAllowedFails"),
)
# More specific settings, which FlowGate does not change, and what each overrides.
OVERRIDES = (
    ("disable_cooldowns", "allowed_fails and cooldown_time"),
    ("allowed_fails_policy", "allowed_fails, for the failures that it names"),
    ("retry_policy", "num_retries, for the failures that it names"),
    ("model_group_retry_policy", "num_retries, for the models and failures that it names"),
)


def move_to_router(settings: LiteLLMSettings) -> tuple[LiteLLMSettings, list[str]]:
    """Move policy settings to `router_settings`; a value that is already there has precedence.

    Args:
        settings: LiteLLM's settings; not changed.

    Returns:
        The new settings, and the changes as sentences.
    """
    made = overlay(settings, {})
    library: dict[str, object] = dict(made.pop("litellm_settings", {}))
    router: dict[str, object] = dict(made.pop("router_settings", {}))
    changes = []
    for old, (new, why) in MOVED.items():
        if old not in library:
            continue
        value = library.pop(old)
        before, after = f"litellm_settings.{old}", f"router_settings.{new}"
        if new not in router:
            router[new] = value
            changes.append(f"{before} → {after}: {why}")
        elif router[new] != value:
            changes.append(f"{before} ({value}) is removed: {after} ({router[new]}) has precedence")
        else:
            changes.append(f"{before} is removed: {after} has the same value")
    if library:
        made["litellm_settings"] = library
    if router:
        made["router_settings"] = cast("RouterSettings", router)
    return made, changes


def make_effective(settings: LiteLLMSettings, changes: list[str]) -> None:
    """Adjust `allowed_fails` so that cooldowns have an effect.

    Args:
        settings: LiteLLM's settings; changed in place.
        changes: Receives the changes as sentences.
    """
    router = settings.get("router_settings") or {}
    changes += [
        f"router_settings.{key} is kept: it has precedence over {over}"
        for key, over in OVERRIDES
        if cast("dict[str, object]", router).get(key)
    ]
    by_kind = router.get("allowed_fails_policy") or router.get("disable_cooldowns")
    _count_timeouts(router, changes)
    if router.get("cooldown_time") is not None and router.get("allowed_fails") is None:
        if by_kind:
            return
        router["allowed_fails"] = LIBRARY_FAILS
        changes.append(
            f"router_settings.allowed_fails: {LIBRARY_FAILS} is added (LiteLLM's default): without it, cooldown_time "
            "has no effect on a model with one deployment"
        )
    if router.get("allowed_fails") == LIBRARY_FAILS:
        settings.setdefault("litellm_settings", {})["allowed_fails"] = -1
        changes.append(
            f"litellm_settings.allowed_fails: -1 is added: LiteLLM treats {LIBRARY_FAILS} in router_settings as not "
            "set, unless litellm_settings has another value"
        )


def _count_timeouts(router: RouterSettings, changes: list[str]) -> None:
    """Lower the number of allowed time-outs if they come further apart than the window in which failures are counted.

    Source: measured on the proxy: failures are counted for `cooldown_time`; with `timeout: 120` and `cooldown_time: 60`
        a model that hangs never goes into cooldown if requests come one after another.
    """
    timeout, window = number(router.get("timeout"), 0.0), number(router.get("cooldown_time"), 0.0)
    allowed, policy = number(router.get("allowed_fails"), LIBRARY_FAILS), dict(router.get("allowed_fails_policy") or {})
    if not timeout or not window or router.get("disable_cooldowns") or TIMEOUT_FAILS in policy:
        return
    counted = math.ceil(window / timeout) - 1
    if counted < allowed:
        router["allowed_fails_policy"] = {**policy, TIMEOUT_FAILS: counted}
        changes.append(
            f"router_settings.allowed_fails_policy.{TIMEOUT_FAILS}: {counted} is added: failures are counted for "
            f"{window:g} s, and time-outs of {timeout:g} s come further apart"
        )


def name_failures(settings: LiteLLMSettings, changes: list[str]) -> None:
    """Write `allowed_fails` into the policy of allowed fails too, if a model has one deployment and no fallback.

    Source: LiteLLM 1.108.1, litellm/router_utils/cooldown_handlers.py: `_should_cooldown_deployment` puts such a model
        into cooldown only after failures that the policy names. Both are counted together, so equal numbers change
        nothing for other models.

    Args:
        settings: LiteLLM's settings; changed in place.
        changes: Receives the changes as sentences.
    """
    router = settings.get("router_settings") or {}
    allowed, policy = router.get("allowed_fails"), router.get("allowed_fails_policy") or {}
    missing = [name for name in COUNTED_FAILS if policy.get(name) is None]
    lone = lone_models(settings)
    if not isinstance(allowed, int) or router.get("disable_cooldowns") or not missing or not lone:
        return
    router["allowed_fails_policy"] = {**policy, **dict.fromkeys(missing, allowed)}
    changes.append(
        f"router_settings.allowed_fails_policy: {allowed} is added for {len(missing)} kinds of failure "
        f"({', '.join(name.removesuffix('AllowedFails') for name in missing)}): without it this LiteLLM never puts "
        f"{', '.join(lone)} into cooldown, because it has one deployment and no fallback"
    )


def lone_models(settings: LiteLLMSettings) -> list[str]:
    """Return the models that have one deployment and no fallback.

    Args:
        settings: LiteLLM's settings.
    """
    found = fallbacks(settings)
    return [name for name in models(settings) if len(deployments(settings, name)) == 1 and not found.of(name)]
