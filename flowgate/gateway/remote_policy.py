"""The policy of a gateway that starts no CLIProxyAPIPlus: LiteLLM alone, or over one that runs elsewhere."""

from __future__ import annotations

from dataclasses import replace

from flowgate.config.remote_upstream import NAME
from flowgate.domain import Config
from flowgate.gateway.policy import Policy
from flowgate.gateway.remote_upstream import host, redirected
from flowgate.gateway.unknown_values import unknown


def without_own(config: Config, policy: Policy) -> Policy:
    """Complete a policy with what is known of the CLIProxyAPIPlus that FlowGate does not start.

    Args:
        config: The config.
        policy: The policy, compiled without one.
    """
    changes = list(policy.changes)
    litellm = redirected(config, policy.litellm, changes)
    made = replace(policy, cliproxy={}, litellm=litellm, changes=tuple(changes), unknown=tuple(unknown(litellm)))
    if config.remote is None:
        return replace(made, why=f"the gateway has no CLIProxyAPIPlus (no services.{NAME})")
    why = f"what CLIProxyAPIPlus at {config.remote.url} does about failures is decided there"
    return replace(made, why=why, upstream_facts=_facts(config.remote.url, host(config.remote)))


def _facts(url: str, name: str) -> tuple[str, ...]:
    return (
        f"unknown: how often {url} asks a vendor for one attempt of LiteLLM (its request-retry, its accounts), and "
        f"whether it puts accounts into cooldown (disable-cooling): it applies its own settings, for all its gateways",
        f"the promises hold as written if its config has `disable-cooling: true` and `request-retry: 0` (on {name})",
    )
