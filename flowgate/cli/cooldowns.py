"""Collect the cooldowns in LiteLLM and in CLIProxyAPIPlus."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from flowgate.cli.cooldown_rows import Row, account_row, describe_cooldown, litellm_row, longest
from flowgate.cli.known_limits import limits_or_none
from flowgate.cli.session import Session
from flowgate.cli.stale_cooldowns import reset_before
from flowgate.config.overlay import overlay
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy, cooldowns, litellm
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown
    from flowgate.accounts.login_driver import LoginDriver

__all__ = ["Cooldowns", "Row", "describe_cooldown", "gather", "litellm_cooldowns"]


@dataclass(frozen=True)
class Cooldowns:
    """The cooldowns of both programs.

    Attributes:
        rows: All cooldowns.
        accounts: The accounts of CLIProxyAPIPlus in cooldown, by file name.
        unavailable: For each program whose cooldowns are not known, why.
    """

    rows: list[Row] = field(default_factory=list)
    accounts: dict[str, AccountCooldown] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)


def gather(session: Session) -> Cooldowns:
    """Collect the cooldowns of every program; if one is unavailable, the other is still reported."""
    now = Clock().wall()
    found = Cooldowns()
    try:
        found.rows.extend(litellm_cooldowns(session, now))
    except FlowGateError as error:
        found.unavailable[litellm.NAME] = error.what
    if not cliproxy.is_configured(session.config) and session.config.remote is None:
        return found
    try:
        accounts = _account_cooldowns(session, now)
    except FlowGateError as error:
        found.unavailable[cliproxy.NAME] = error.what
        return found
    models = models_at_upstream(session)
    found.accounts.update({account.file: account for account in accounts})
    limits = limits_or_none(session) if accounts else []
    found.rows.extend(account_row(account, models, now, reset_before(account, limits, now)) for account in accounts)
    return found


def litellm_cooldowns(session: Session, now: datetime) -> list[Row]:
    """Request the cooldowns of the serving generation of LiteLLM.

    Args:
        session: Config and supervisor.
        now: The time of day.

    Returns:
        The cooldowns.

    Raises:
        NotReady: No generation serves.
        EnvironmentFailure: LiteLLM cannot report them.
    """
    return [litellm_row(row, now) for row in longest(session.supervisor.query(litellm.NAME, "cooldowns"))]


# --- requests


def management_driver(session: Session) -> LoginDriver:
    """Return what carries on conversations with CLIProxyAPIPlus.

    Args:
        session: Config and supervisor.

    Raises:
        FlowGateError: It does not run, or there is no management key.
    """
    from flowgate.accounts.login_driver import LoginDriver, base_url, management_key
    from flowgate.cli.checks import runtime
    from flowgate.gateway import remote_probe

    context = replace(runtime.read_only_context(session, []), http=remote_probe.client(session.config))
    base_url(context)  # "it is not running" is a better error than "there is no management key"
    return LoginDriver(context, management_key(context))


def _account_cooldowns(session: Session, now: datetime) -> list[AccountCooldown]:
    from flowgate.accounts.cooldowns import list_cooldowns
    from flowgate.accounts.login_driver import started_version
    from flowgate.cli.checks import runtime

    driver = management_driver(session)
    return driver.run(list_cooldowns(started_version(runtime.read_only_context(session, [])), now))


def models_at_upstream(session: Session) -> dict[str, set[str]]:
    """Return the models of CLIProxyAPIPlus as its deployments name them, by the model that clients ask for.

    Args:
        session: Config and supervisor.
    """
    tree = overlay(session.config.litellm_base, session.config.profiles[profile_in_force(session)])
    return cooldowns.models_at_upstream(session.config, tree)


def profile_in_force(session: Session) -> str:
    """Return the profile that serves; if none, or if the config no longer has it, the last active one.

    Args:
        session: Config and supervisor.
    """
    serving = session.supervisor.generation(litellm.NAME)
    named = str(serving["labels"].get("profile") or "") if serving else ""
    return named if named in session.config.profiles else session.profile().value
