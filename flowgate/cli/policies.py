"""The policy of a profile, for the accounts that exist here, and its settings as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flowgate.cli.session import Session
from flowgate.domain.secret_names import without_secrets

if TYPE_CHECKING:
    from flowgate.domain import LiteLLMSettings, UpstreamSettings
    from flowgate.gateway.policy import Policy


def policy_of(session: Session, profile: str) -> Policy:
    """Build the policy of a profile for the accounts that exist.

    Args:
        session: The session of this command.
        profile: The profile.
    """
    from flowgate.cli.checks import runtime
    from flowgate.gateway import build

    return build.compile_policy(session.config, profile, runtime.read_only_context(session, []).build_inputs())


def shown_upstream(policy: Policy) -> list[str]:
    """Return the settings of CLIProxyAPIPlus; none if the gateway has no CLIProxyAPIPlus.

    Args:
        policy: The policy of a profile.
    """
    return shown(policy.cliproxy).splitlines() if policy.cliproxy else []


def shown(settings: LiteLLMSettings | UpstreamSettings) -> str:
    """Return settings as YAML, with secrets hidden.

    Args:
        settings: The settings of one program.
    """
    from flowgate.gateway.serialization import dump

    return dump(cast("dict[str, object]", without_secrets(settings)))
