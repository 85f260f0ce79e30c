"""The compiler: a profile, as written → the settings of both programs that keep what it promises.

Source: measured on LiteLLM 1.106.2 and CLIProxyAPIPlus 6.8.16-0, alone and together. CLIProxyAPIPlus benches its only
account at the first 5xx and answers by itself, so LiteLLM's retries never reach the vendor; `disable-cooling` ends
that. With several accounts it asks each of them within one question before it says no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from flowgate.config.overlay import overlay
from flowgate.domain import Tree
from flowgate.gateway import promises
from flowgate.gateway.promises import Promises
from flowgate.gateway.setting_placement import make_it_count, one_place

LITELLM, CLIPROXY = "LiteLLM", "CLIProxyAPIPlus"


@dataclass(frozen=True, slots=True)
class UpstreamAccounts:
    """What the compiler knows of CLIProxyAPIPlus.

    Attributes:
        settings: The user's own config, as written; empty when there is none.
        accounts: Provider → accounts and keys that are in use.
        asked: Says whether a deployment is asked through it.
    """

    settings: Tree
    accounts: Mapping[str, int]
    asked: Callable[[Tree], bool]


@dataclass(frozen=True, slots=True)
class Budget:
    """How many attempts one question may cost at the worst.

    Attributes:
        north: Attempts of LiteLLM on one model.
        south: Rounds of CLIProxyAPIPlus for each.
        accounts: It asks in one round.
        models: How many models and deployments a question may go through.
    """

    north: int
    south: int
    accounts: int
    models: int

    @property
    def vendor(self) -> int:
        """Attempts that one vendor may see for one question."""
        return self.north * self.south * self.accounts

    @property
    def whole(self) -> int:
        """Attempts of one question over every model that it may go through."""
        return self.vendor * self.models


@dataclass(frozen=True, slots=True)
class Policy:
    """What a profile comes to.

    said: what was moved, set, or left as the user has it, one sentence each

    Attributes:
        bench: The program that puts to sleep what fails: LiteLLM or CLIProxyAPIPlus.
        why: As a sentence.
        litellm: LiteLLM's settings, whole.
        cliproxy: What CLIProxyAPIPlus' config gets.
    """

    promises: Promises
    cooldowns_by: str
    why: str
    litellm: Tree
    cliproxy: Tree
    budget: Budget
    changes: tuple[str, ...]


def compile_profile(base: Tree, profile: Tree, south: UpstreamAccounts) -> Policy:
    """Compile a profile to the settings that keep it.

    Args:
        base: As written; neither is changed. Each is put in order before one is laid over the other, so that a
            number of the profile wins over one of the base wherever either stands.
        profile: As written; neither is changed. Each is put in order before one is laid over the other, so that a
            number of the profile wins over one of the base wherever either stands.
    """
    below, changes = one_place(base)
    above, more = one_place(profile)
    made = overlay(below, above)
    changes = list(dict.fromkeys([*changes, *more]))
    make_it_count(made, changes)
    cooldowns_by, why = _who_benches(made, south)
    cooling = _cliproxy(south, cooldowns_by, changes)
    if cooldowns_by == CLIPROXY:
        _leave_it_to_the_south(made, south, changes)
    found = promises.read(made)
    if cooldowns_by == CLIPROXY and all(map(south.asked, made.get("model_list") or ())):
        found = replace(found, cooldown_after=1, cooldown_seconds=60.0)
    return Policy(found, cooldowns_by, why, made, cooling, _budget(made, found, cooling, south), tuple(changes))


def user_setting(settings: Tree, key: str) -> object:
    """Give what a CLIProxyAPIPlus config says under a dotted key; None where it says nothing."""
    value: object = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _who_benches(tree: Tree, south: UpstreamAccounts) -> tuple[str, str]:
    explicit = user_setting(south.settings, "disable-cooling")
    if not any(map(south.asked, tree.get("model_list") or ())):
        return LITELLM, "no model is asked through CLIProxyAPIPlus"
    if isinstance(explicit, bool):
        who = LITELLM if explicit else CLIPROXY
        return who, f"your CLIProxyAPIPlus config says disable-cooling: {str(explicit).lower()}"
    provider, count = max(south.accounts.items(), key=lambda one: one[1], default=("", 0))
    if count > 1:
        return CLIPROXY, f"{provider} has {count} accounts, and benching there is what turns to the next one"
    return LITELLM, "no provider has a second account to turn to, so its retries shall reach the vendor"


def _cliproxy(south: UpstreamAccounts, cooldowns_by: str, changes: list[str]) -> Tree:
    """Give the four settings of CLIProxyAPIPlus; the user's own win."""
    wanted = {
        "disable-cooling": cooldowns_by == LITELLM,
        "request-retry": 0,
        "max-retry-interval": 0,
        "routing.strategy": "round-robin",
    }
    made: Tree = {}
    for key, value in wanted.items():
        own = user_setting(south.settings, key)
        if own is not None and own != value:
            changes.append(f"CLIProxyAPIPlus' {key}: {_shown(own)} is yours, and wins over {_shown(value)}")
        head, _, tail = key.partition(".")
        made[head] = {tail: value if own is None else own} if tail else value if own is None else own
    return made


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _leave_it_to_the_south(tree: Tree, south: UpstreamAccounts, changes: list[str]) -> None:
    """Let LiteLLM neither retry nor bench what CLIProxyAPIPlus benches: its retries would be void."""
    router = tree.get("router_settings") or {}
    if _retries_by_policy(router):
        changes.append("retries that a retry policy of yours asks for reach nobody while CLIProxyAPIPlus benches")
    lone = sorted(provider for provider, count in south.accounts.items() if count == 1)
    if lone:
        changes.append(
            f"{', '.join(lone)}: one account only; after its first 5xx CLIProxyAPIPlus answers by itself for 1 min "
            "(disable-cooling is one setting for all)"
        )
    changed: dict[str, list[str]] = {"num_retries": [], "cooldown_time": []}
    for model in promises.models(tree):
        entries = promises.deployments(tree, model)
        if not all(map(south.asked, entries)):
            if any(map(south.asked, entries)):
                changes.append(f"{model} has deployments elsewhere too: LiteLLM goes on retrying and benching it")
            continue
        for params in (entry["litellm_params"] for entry in entries):
            for key, names in changed.items():
                if key in params:
                    changes.append(f"litellm_params.{key}: {params[key]} of {model} is yours, and wins over 0")
                else:
                    params[key] = 0
                    names.append(model)
    for key, names in changed.items():
        if names:
            why = "no retries there that reach nobody" if key == "num_retries" else "not benched a second time"
            changes.append(f"litellm_params.{key}: 0 is set for {', '.join(dict.fromkeys(names))}: {why}")


def _retries_by_policy(router: Tree) -> bool:
    """Say whether a retry policy asks for a retry: it wins over the number of a deployment."""
    policies = [router.get("retry_policy") or {}, *(router.get("model_group_retry_policy") or {}).values()]
    return any(isinstance(count, int) and count > 0 for policy in policies for count in policy.values())


def _budget(tree: Tree, found: Promises, cooling: Tree, south: UpstreamAccounts) -> Budget:
    models_at_upstream = any(map(south.asked, tree.get("model_list") or ()))
    retry = cooling["request-retry"]
    again = retry if isinstance(retry, int) and models_at_upstream else 0
    accounts = max([1, *south.accounts.values()]) if models_at_upstream else 1
    return Budget(found.attempts, 1 + max(0, again), accounts, found.length)
