"""LiteLLM's settings, put where they have an effect.

Source: measured on LiteLLM 1.106.2. Under `litellm_settings`, `allowed_fails` and `cooldown_time` do nothing for a
model with one deployment; nor does `allowed_fails` on the router when it equals the one of the library (3, or what
`litellm_settings` says). A `request_timeout` there wins over the router's `timeout`, attempt by attempt.
"""

from __future__ import annotations

import math

from flowgate.config.overlay import overlay
from flowgate.domain import Tree
from flowgate.gateway.promises import LIBRARY_FAILS, number

NO_EFFECT = "there LiteLLM ignores it for a model with one deployment"
ONE_PLACE = "one policy stands in one place"
ONLY_THERE = "LiteLLM reads it from router_settings alone"
FALLBACKS = ("fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "max_fallbacks")
POLICIES = ("timeout", "stream_timeout", "retry_policy", "allowed_fails_policy", "disable_cooldowns")
# What is a matter of policy, and where LiteLLM's router reads it: old name → name on the router, why it is moved.
MOVED = {
    "allowed_fails": ("allowed_fails", NO_EFFECT),
    "cooldown_time": ("cooldown_time", NO_EFFECT),
    "num_retries": ("num_retries", ONE_PLACE),
    "request_timeout": ("timeout", "so that it is one number for every attempt"),
    **{key: (key, ONE_PLACE) for key in FALLBACKS},
    **{key: (key, ONLY_THERE) for key in (*POLICIES, "model_group_alias", "routing_strategy")},
}
TIMEOUT_FAILS = "TimeoutErrorAllowedFails"
# Finer settings of LiteLLM that nothing here replaces, and what each wins over.
OWN_POLICIES = (
    ("disable_cooldowns", "allowed_fails and cooldown_time"),
    ("allowed_fails_policy", "allowed_fails, for the failures that it names"),
    ("retry_policy", "num_retries, for the failures that it names"),
    ("model_group_retry_policy", "num_retries, for the models and failures that it names"),
)


def one_place(tree: Tree) -> tuple[Tree, list[str]]:
    """Move what is a matter of policy to `router_settings`; what stands there already wins."""
    made = overlay(tree, {})
    library, router = dict(made.get("litellm_settings") or {}), dict(made.get("router_settings") or {})
    message = []
    for old, (new, why) in MOVED.items():
        if old not in library:
            continue
        value = library.pop(old)
        before, after = f"litellm_settings.{old}", f"router_settings.{new}"
        if new not in router:
            router[new] = value
            message.append(f"{before} → {after}: {why}")
        elif router[new] != value:
            message.append(f"{before} ({value}) is left out: {after} ({router[new]}) is written too, and wins")
        else:
            message.append(f"{before} is left out: {after} says the same")
    for name, settings in (("litellm_settings", library), ("router_settings", router)):
        if settings:
            made[name] = settings
        else:
            made.pop(name, None)
    return made, message


def make_it_count(tree: Tree, message: list[str]) -> None:
    """See to it that a number of failures has an effect."""
    router = tree.get("router_settings") or {}
    message += [
        f"router_settings.{key} is left as it is, and wins over {over}" for key, over in OWN_POLICIES if router.get(key)
    ]
    finer = router.get("allowed_fails_policy") or router.get("disable_cooldowns")
    _count_timeouts(router, message)
    if router.get("cooldown_time") is not None and router.get("allowed_fails") is None:
        if finer:
            return
        router["allowed_fails"] = LIBRARY_FAILS
        message.append(
            f"router_settings.allowed_fails: {LIBRARY_FAILS} is set, LiteLLM's own number: without one, cooldown_time "
            "does nothing for a model with one deployment"
        )
    if router.get("allowed_fails") == LIBRARY_FAILS:
        tree.setdefault("litellm_settings", {})["allowed_fails"] = -1
        message.append(
            f"litellm_settings.allowed_fails: -1 is set: LiteLLM takes {LIBRARY_FAILS} on the router for 'not set', "
            "unless the library's own number differs"
        )


def _count_timeouts(router: Tree, message: list[str]) -> None:
    """Let time-outs bench a model that come further apart than failures are counted.

    Source: measured on the proxy: failures are counted for `cooldown_time`; with `timeout: 120` and `cooldown_time: 60`
    a model that hangs is never benched by questions one after another
    """
    timeout, window = number(router.get("timeout"), 0.0), number(router.get("cooldown_time"), 0.0)
    allowed, policy = number(router.get("allowed_fails"), LIBRARY_FAILS), dict(router.get("allowed_fails_policy") or {})
    if not timeout or not window or router.get("disable_cooldowns") or TIMEOUT_FAILS in policy:
        return
    counted = math.ceil(window / timeout) - 1
    if counted < allowed:
        router["allowed_fails_policy"] = {**policy, TIMEOUT_FAILS: counted}
        message.append(
            f"router_settings.allowed_fails_policy.{TIMEOUT_FAILS}: {counted} is set: failures are counted for "
            f"{window:g} s, and time-outs of {timeout:g} s come further apart"
        )
