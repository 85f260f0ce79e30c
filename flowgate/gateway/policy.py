"""Compile a profile to the settings of both programs that keep its promises.

Source: measured on LiteLLM 1.106.2 and CLIProxyAPIPlus 6.8.16-0, alone and together. CLIProxyAPIPlus puts its only
account into cooldown at the first 5xx and then answers by itself, so LiteLLM's retries never reach the vendor;
`disable-cooling` prevents that. With several accounts it tries each of them once per request before it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from flowgate.config.overlay import overlay
from flowgate.domain import Deployment, LiteLLMSettings, RouterSettings, UpstreamSettings
from flowgate.gateway import client_names, litellm_behaviour, name_settings, promises, upstream_command
from flowgate.gateway.client_names import NONE, Names
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.promises import Promises
from flowgate.gateway.setting_placement import make_effective, move_to_router, name_failures

LITELLM, CLIPROXY = "LiteLLM", "CLIProxyAPIPlus"
TRANSIENT = "transient-error-cooldown-seconds"


@dataclass(frozen=True, slots=True)
class UpstreamAccounts:
    """What the compiler knows about CLIProxyAPIPlus.

    Attributes:
        settings: The user's own config, as written; empty if there is none.
        accounts: Provider → accounts and keys in use.
        serves: Returns whether a deployment goes through CLIProxyAPIPlus.
        line: The recorded line that a start would run; empty if it is not known.
    """

    settings: UpstreamSettings
    accounts: Mapping[str, int]
    serves: Callable[[Deployment], bool]
    line: str = ""

    @property
    def cooldown_seconds(self) -> float | None:
        """How long an account is in cooldown after a 5xx; None if it is not.

        Source: 7.2.101-1, 7.2.137-9 and CLIProxyAPI 7.2.140; 6.8.16-0 does not read the setting.
        """
        own = user_setting(self.settings, TRANSIENT)
        if self.line not in upstream_command.LINES[1:] or not isinstance(own, int) or isinstance(own, bool) or not own:
            return 60.0
        return float(own) if own > 0 else None


@dataclass(frozen=True, slots=True)
class Budget:
    """How many attempts one request may cause, at most.

    Attributes:
        north: Attempts of LiteLLM on one model.
        south: Rounds of CLIProxyAPIPlus for each of them.
        accounts: Accounts that it tries in one round.
        models: Models and deployments that one request may go through.
    """

    north: int
    south: int
    accounts: int
    models: int

    @property
    def vendor(self) -> int:
        """Attempts that one vendor may get for one request."""
        return self.north * self.south * self.accounts

    @property
    def whole(self) -> int:
        """Attempts of one request over all models."""
        return self.vendor * self.models


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled profile.

    Attributes:
        promises: What the profile promises.
        cooldowns_by: The program that applies cooldowns: LiteLLM or CLIProxyAPIPlus.
        why: Why it is that one.
        litellm: LiteLLM's settings, complete.
        cliproxy: The settings of CLIProxyAPIPlus that the profile determines.
        budget: How many attempts one request may cause.
        changes: What was moved, added, or kept because the user set it, one sentence each.
        unknown: Why the promises are not known, one sentence each: references to variables that are not set.
        notes: What FlowGate changes in the user's own CLIProxyAPIPlus config, one sentence each; also in `changes`.
        warnings: What is doubtful in that config, one sentence each.
        declared: What the LiteLLM that the settings are for declares.
        upstream_cooldown: Seconds of an account's cooldown after a 5xx at CLIProxyAPIPlus; None if it applies none.
        upstream_facts: What this version of CLIProxyAPIPlus does that reaches the promises, one sentence each.
        client_facts: What was completed for clients, and what LiteLLM still refuses them, one sentence each.
    """

    promises: Promises
    cooldowns_by: str
    why: str
    litellm: LiteLLMSettings
    cliproxy: UpstreamSettings
    budget: Budget
    changes: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    declared: Declarations = field(default_factory=Declarations)
    upstream_cooldown: float | None = 60.0
    upstream_facts: tuple[str, ...] = ()
    client_facts: tuple[str, ...] = ()


def compile_profile(
    base: LiteLLMSettings, profile: LiteLLMSettings, upstream: UpstreamAccounts, version: str = "", names: Names = NONE
) -> Policy:
    """Compile a profile to the settings that keep its promises.

    Settings are moved to their section before the merge, so that the profile has precedence in whatever section.

    Args:
        base: LiteLLM's settings under every profile, as written; not changed.
        profile: The profile, as written; not changed.
        upstream: What is known about CLIProxyAPIPlus.
        version: The version of LiteLLM that the settings are for; empty if it is not known.
        names: Names that clients ask for by themselves → the models that answer.
    """
    moved_base, changes = move_to_router(base)
    moved_profile, more = move_to_router(profile)
    settings = overlay(moved_base, moved_profile)
    changes = list(dict.fromkeys([*changes, *more]))
    make_effective(settings, changes)
    client_names.add(settings, names, changes)
    name_settings.complete(settings, changes)
    cooldowns_by, why = _who_applies_cooldowns(settings, upstream)
    all_upstream = all(map(upstream.serves, settings.get("model_list", ())))
    if litellm_behaviour.holds(litellm_behaviour.LONE_COOLDOWN, version) and not (
        cooldowns_by == CLIPROXY and all_upstream
    ):
        name_failures(settings, changes)
    cliproxy = _cliproxy(upstream, cooldowns_by, changes)
    if cooldowns_by == CLIPROXY:
        _leave_to_upstream(settings, upstream, changes)
    found = promises.read(settings)
    if cooldowns_by == CLIPROXY and all_upstream:
        length = upstream.cooldown_seconds
        found = replace(found, cooldown_after=None if length is None else 1, cooldown_seconds=length or 0.0)
    budget = _budget(settings, found, cliproxy, upstream)
    made = Policy(found, cooldowns_by, why, settings, cliproxy, budget, tuple(changes))
    return replace(made, upstream_cooldown=upstream.cooldown_seconds)


def user_setting(settings: UpstreamSettings, key: str) -> object:
    """Return the value at a dotted key of a CLIProxyAPIPlus config; None if it is not set."""
    value: object = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _who_applies_cooldowns(settings: LiteLLMSettings, upstream: UpstreamAccounts) -> tuple[str, str]:
    explicit = user_setting(upstream.settings, "disable-cooling")
    if not any(map(upstream.serves, settings.get("model_list", ()))):
        return LITELLM, "no model goes through CLIProxyAPIPlus"
    if isinstance(explicit, bool):
        who = LITELLM if explicit else CLIPROXY
        return who, f"your CLIProxyAPIPlus config sets disable-cooling: {str(explicit).lower()}"
    provider, count = max(upstream.accounts.items(), key=lambda one: one[1], default=("", 0))
    if count > 1:
        return CLIPROXY, f"{provider} has {count} accounts, and a cooldown there switches to the next one"
    return LITELLM, "no provider has a second account, so LiteLLM's retries must reach the vendor"


def _cliproxy(upstream: UpstreamAccounts, cooldowns_by: str, changes: list[str]) -> UpstreamSettings:
    """Return the four settings of CLIProxyAPIPlus that belong to a policy; the user's own have precedence."""
    wanted = {
        "disable-cooling": cooldowns_by == LITELLM,
        "request-retry": 0,
        "max-retry-interval": 0,
        "routing.strategy": "round-robin",
    }
    made: dict[str, object] = {}
    for key, value in wanted.items():
        own = user_setting(upstream.settings, key)
        if own is not None and own != value:
            changes.append(f"CLIProxyAPIPlus' {key}: your {_shown(own)} has precedence over {_shown(value)}")
        chosen = value if own is None else own
        head, _, tail = key.partition(".")
        made[head] = {tail: chosen} if tail else chosen
    return cast("UpstreamSettings", made)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _leave_to_upstream(settings: LiteLLMSettings, upstream: UpstreamAccounts, changes: list[str]) -> None:
    """Turn off LiteLLM's retries and cooldowns for what goes through CLIProxyAPIPlus: they would have no effect."""
    if _retries_by_policy(settings.get("router_settings") or {}):
        changes.append("the retries of your retry policy reach no vendor, because CLIProxyAPIPlus applies cooldowns")
    single = sorted(provider for provider, count in upstream.accounts.items() if count == 1)
    if single and (length := upstream.cooldown_seconds):
        shown = "1 min" if length == 60 else f"{length:g} s"
        changes.append(
            f"{', '.join(single)}: one account only; after its first 5xx CLIProxyAPIPlus answers by itself for {shown} "
            "(disable-cooling is one setting for all providers)"
        )
    changed: dict[str, list[str]] = {"num_retries": [], "cooldown_time": []}
    for model in promises.models(settings):
        entries = promises.deployments(settings, model)
        if all(map(upstream.serves, entries)):
            for entry in entries:
                _turn_off(entry, changed, changes)
        elif any(map(upstream.serves, entries)):
            changes.append(f"{model} has deployments at other providers too: LiteLLM keeps its retries and cooldowns")
    for key, names in changed.items():
        if names:
            why = "retries would reach no vendor" if key == "num_retries" else "no second cooldown"
            changes.append(f"litellm_params.{key}: 0 is added for {', '.join(dict.fromkeys(names))}: {why}")


def _turn_off(entry: Deployment, changed: dict[str, list[str]], changes: list[str]) -> None:
    """Set the retries and the cooldown of one deployment to 0, unless the user set them."""
    params, model = cast("dict[str, object]", entry["litellm_params"]), entry["model_name"]
    for key, names in changed.items():
        if key in params:
            changes.append(f"litellm_params.{key} of {model}: your {params[key]} has precedence over 0")
        else:
            params[key] = 0
            names.append(model)


def _retries_by_policy(router: RouterSettings) -> bool:
    """Return whether a retry policy sets retries; it has precedence over the value of a deployment."""
    policies = [router.get("retry_policy") or {}, *(router.get("model_group_retry_policy") or {}).values()]
    return any(isinstance(count, int) and count > 0 for policy in policies for count in policy.values())


def _budget(
    settings: LiteLLMSettings, found: Promises, cliproxy: UpstreamSettings, upstream: UpstreamAccounts
) -> Budget:
    through_upstream = any(map(upstream.serves, settings.get("model_list", ())))
    retries: object = cliproxy["request-retry"]
    rounds = 1 + max(0, retries) if isinstance(retries, int) and through_upstream else 1
    accounts = max([1, *upstream.accounts.values()]) if through_upstream else 1
    return Budget(found.attempts, rounds, accounts, found.length)
