"""The plan of a rehearsal: what one profile is compared with, and which settings its private copy gets."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMSettings, Secret, UpstreamSettings
from flowgate.errors import UsageError, raise_all
from flowgate.gateway import (
    account_inventory,
    build,
    client_names,
    cliproxy,
    litellm_behaviour,
    preflight,
    request_rules,
    shared_deployments,
    worker_promises,
)
from flowgate.gateway.own_cooldowns import OwnCooldown, own_cooldowns
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises
from flowgate.gateway.unmodelled import COOLDOWNS, unmodelled
from flowgate.rehearsal.roles import PRIMARY, Roles, assign_roles, upstream_model, with_client_names
from flowgate.rehearsal.scenarios import Scenario
from flowgate.rehearsal.time_scale import time_scale
from flowgate.step import StepContext
from flowgate.system import files

HIGHEST_GATEWAYS = 8  # each is a whole pair of programs for every scenario
REDIS_PROGRAMS = ("redis-server", "valkey-server")
REPLACED = ("redis_host", "redis_port", "redis_url", "redis_password", "cache_kwargs")  # by the private Redis server
COPIED_SECTIONS = ("model_list", "router_settings", "litellm_settings")
# Settings that connect to other systems, or answer in place of a vendor: databases, caches, callbacks.
EXTERNAL = re.compile(r"callback|cache|redis|database|guardrail|alert|pass_through|store_")
ACCOUNT_SETTINGS = (
    *(
        *account_inventory.KEY_LISTS,
        "generative-language-api-key",
        "openai-compatibility",
        "kiro",
        "api-keys",
        "embedded",
    ),
    *("ampcode", "amp-upstream-url", "amp-upstream-api-key", "proxy-url", "tls", "pprof", "plugins", "usage-export"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the rehearsal of one profile needs to know.

    Attributes:
        settings: LiteLLM's settings, with unscaled times.
        policy: What the settings promise, and which program applies cooldowns.
        scale: Factor for LiteLLM's times.
        key: Key of both programs.
        litellm_only: LiteLLM calls the vendors directly, without CLIProxyAPIPlus.
        user_settings: The user's CLIProxyAPIPlus settings, without accounts.
        upstream_settings: What FlowGate adds to them.
        gateways: How many gateways are rehearsed together.
        redis: Program of the Redis server that they share; None if they share nothing.
        deployed_redis: Deployed gateways share a Redis server that was deployed with them.
    """

    config: Config
    profile: str
    settings: LiteLLMSettings
    policy: Policy
    roles: Roles
    scale: float
    key: Secret
    litellm_only: bool
    user_settings: UpstreamSettings
    upstream_settings: UpstreamSettings
    gateways: int = 1
    redis: Path | None = None
    deployed_redis: bool = False

    @property
    def own_cooldown(self) -> OwnCooldown | None:
        """Return the cooldown settings that the deployments of the requested model have of their own."""
        return None if self.upstream_cooldowns else own_cooldowns(self.settings).get(self.roles.requested)

    @property
    def unknown(self) -> dict[str, str]:
        """Return what is not known of this profile: topic → the setting that makes it unknown."""
        found = {topic: one.setting for one in unmodelled(self.policy.litellm) for topic in one.topics}
        own = self.own_cooldown
        return {**found, COOLDOWNS: own.counted_by} if own and own.counted_by else found

    @property
    def promises(self) -> Promises:
        """Return what all gateways together promise of the requested model."""
        found = self.policy.promises.of_model(self.own_cooldown)
        return replace(found, workers=found.workers * self.gateways, shares_cooldowns=self.shares_cooldowns)

    @property
    def shares_cooldowns(self) -> bool:
        """Return whether the gateways count the failures of the requested model together."""
        version = self.policy.declared.version
        has_redis = self.redis is not None or self.deployed_redis
        if not has_redis or not litellm_behaviour.holds(litellm_behaviour.SHARED_COUNTS, version):
            return False
        return self.litellm_only or all(
            shared_deployments.is_shared(self.config, entry)
            for entry in self.settings.get("model_list", ())
            if self.roles.by_model.get(upstream_model(entry)) == PRIMARY
        )

    @property
    def upstream_cooldowns(self) -> bool:
        """Return whether CLIProxyAPIPlus applies the cooldowns. Their length is fixed: one minute, unscaled."""
        return self.policy.cooldowns_by == CLIPROXY

    @property
    def cooldown_seconds(self) -> float:
        """Return how long a cooldown lasts in this rehearsal."""
        return self.promises.cooldown_seconds * (1.0 if self.upstream_cooldowns else self.scale)

    def waits_for_upstream_cooldown(self, scenario: Scenario) -> bool:
        """Return whether a scenario must wait until a cooldown of CLIProxyAPIPlus ends."""
        return scenario.recovers and not self.litellm_only and self.upstream_cooldowns


def make_plan(context: StepContext, profile: str, *, litellm_only: bool, as_written: bool, gateways: int = 1) -> Plan:
    """Plan the rehearsal of one profile.

    Args:
        context: Tools and state of this run.
        profile: Name of the profile.
        litellm_only: Leave CLIProxyAPIPlus out, as a config without one does.
        as_written: Use the profile as it is written, without FlowGate's changes.
        gateways: How many gateways are rehearsed together.

    Raises:
        UnknownName: The config has no such profile.
        UsageError: The profile cannot be rendered, or has no model that can be requested by its name; or so many
            gateways cannot be rehearsed, or share a Redis server and none is installed.
    """
    if not 1 <= gateways <= HIGHEST_GATEWAYS:
        raise UsageError(f"{gateways} gateways cannot be rehearsed", fix=f"use 1 to {HIGHEST_GATEWAYS}")
    config, inputs = context.config, context.build_inputs()
    litellm_only = litellm_only or not cliproxy.is_configured(config)
    if litellm_only:
        inputs = replace(inputs, accounts={}, upstream_text=None)
    policy = build.compile_policy(config, profile, inputs)
    raise_all(f"profile {profile}", preflight.faults(config, profile, policy))
    if policy.unknown:
        what = f"profile {profile} promises nothing: {policy.unknown[0]}"
        raise UsageError(what, fix="set it, and repeat the command")
    settings = overlay(config.litellm_base, config.profiles[profile]) if as_written else policy.litellm
    rules = request_rules.compute(config, settings, client_names.of_profile(config, profile))
    roles = with_client_names(assign_roles(settings, policy.litellm), rules)
    if not roles.requested:
        place = config.place("litellm_base")
        raise UsageError(f"profile {profile} has no model that can be requested by its name", place=place)
    promises = policy.promises
    if policy.cooldowns_by != CLIPROXY:
        promises = promises.of_model(own_cooldowns(settings).get(roles.requested))
    return Plan(
        config=config,
        profile=profile,
        settings=settings,
        policy=policy,
        roles=roles,
        scale=time_scale(promises, scales_cooldown=policy.cooldowns_by != CLIPROXY, settings=settings),
        key=Secret(f"sk-{secrets.token_hex(24)}"),
        litellm_only=litellm_only,
        user_settings=without_accounts(build.own_settings(config, inputs).settings),
        upstream_settings={} if as_written else policy.cliproxy,
        gateways=gateways,
        redis=_redis(context, settings) if gateways > 1 else None,
    )


def _redis(context: StepContext, settings: LiteLLMSettings) -> Path | None:
    """Return the program of the private Redis server; None if the profile names none."""
    if not worker_promises.uses_redis(settings):
        return None
    path = context.environment.get("PATH")
    found = next((one for name in REDIS_PROGRAMS if (one := files.find_program(name, path))), None)
    if found is None:
        raise UsageError(
            "a rehearsal of several gateways starts a Redis server of its own, because the profile names one, and "
            f"neither {' nor '.join(REDIS_PROGRAMS)} is in PATH",
            fix="install it (Debian: apt install redis-server; macOS: brew install redis), or leave out --gateways",
        )
    return Path(found)


def without_accounts(settings: UpstreamSettings) -> UpstreamSettings:
    """Return CLIProxyAPIPlus settings without those that lead to an account or admit clients.

    Args:
        settings: The user's settings.
    """
    kept = {key: value for key, value in settings.items() if key not in ACCOUNT_SETTINGS}
    return cast("UpstreamSettings", kept)


def private_settings(settings: LiteLLMSettings) -> LiteLLMSettings:
    """Return the sections of LiteLLM's settings that the private copy gets, without external systems."""
    copied = {name: value for name, value in settings.items() if name in COPIED_SECTIONS}
    for name in ("router_settings", "litellm_settings"):
        section = copied.get(name)
        if isinstance(section, dict):
            copied[name] = {key: value for key, value in section.items() if not EXTERNAL.search(key)}
    return cast("LiteLLMSettings", copied)


def omitted_settings(plan: Plan) -> list[str]:
    """Return the names of LiteLLM's settings that the private copy does not get."""
    settings = plan.settings
    omitted = [name for name in settings if name not in (*COPIED_SECTIONS, "general_settings")]
    sections = {name: settings.get(name) for name in ("router_settings", "litellm_settings")}
    for section, own in sections.items():
        external = [name for name in (own if isinstance(own, dict) else ()) if EXTERNAL.search(name)]
        omitted += [f"{section}.{name}" for name in external if not (plan.redis and name in REPLACED)]
    general = settings.get("general_settings") or {}
    return omitted + [f"general_settings.{name}" for name in general if name != "master_key"]
