"""What a policy says of the CLIProxyAPIPlus below LiteLLM: FlowGate's own, one that runs elsewhere, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowgate.config.remote_upstream import NAME
from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway import cliproxy, upstream_deployments, upstream_sources
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.policy import Policy
from flowgate.gateway.remote_upstream import host, redirected
from flowgate.gateway.unknown_values import unknown


def without_own(config: Config, policy: Policy, before: Sequence[str], declared: Declarations) -> Policy:
    """Complete a policy with what is known of the CLIProxyAPIPlus that FlowGate does not start.

    Args:
        config: The config.
        policy: The policy, compiled without one.
        before: What was changed before it was compiled.
        declared: What LiteLLM declares about its settings.
    """
    policy = replace(policy, declared=declared)
    changes = [*before, *policy.changes]
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


def facts_of_own(config: Config, settings: LiteLLMSettings, version: str, line: str) -> tuple[str, ...]:
    """Return what the real program does that reaches the promises; of one that is not installed nothing is said.

    Args:
        config: The config.
        settings: LiteLLM's settings.
        version: The version of the program; empty if it is not installed.
        line: Its recorded line.
    """
    if not version or cliproxy.is_embedded(config) or not upstream_deployments.any_through_upstream(config, settings):
        return ()
    return tuple(f"CLIProxyAPIPlus {version}: {one}" for one in upstream_sources.changes(line))
