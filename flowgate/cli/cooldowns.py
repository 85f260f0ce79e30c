"""Show the cooldowns in LiteLLM and in CLIProxyAPIPlus, and end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from flowgate.cli import cleared_cooldowns, console
from flowgate.cli.cooldown_rows import Row, account_row, cells, describe_cooldown, litellm_row, longest
from flowgate.cli.known_limits import limits_or_none
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session, open_session
from flowgate.cli.stale_cooldowns import print_stale, reset_before
from flowgate.config.overlay import overlay
from flowgate.errors import CheckFailed, FlowGateError, NotReady, UnknownName
from flowgate.gateway import cliproxy, cooldowns, litellm, remote_upstream, upstream_deployments
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown
    from flowgate.accounts.login_driver import LoginDriver
    from flowgate.domain import Variables

__all__ = ["Cooldowns", "Row", "describe_cooldown", "gather", "litellm_cooldowns", "show"]

RESTART = f"inv service.restart --service {cliproxy.NAME}"


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


def show(config: str, clear: str, as_json: bool) -> int:
    """Print the cooldowns, or end those of one model or account.

    Args:
        config: Path after `--config`; empty to search for the config.
        clear: A model, as clients or its provider name it, or an account; empty: only print.
        as_json: Print a JSON document.

    Returns:
        The exit code.

    Raises:
        NotReady: No program is running.
    """
    session = open_session(config) if clear else open_to_read(config)
    found = gather(session)
    if _nothing_known(session, found) and not any(session.supervisor.generation(name) for name in found.unavailable):
        raise NotReady("; ".join(found.unavailable.values()), fix="inv up")
    if not as_json:
        console.note(session.describe())
    for name, why in found.unavailable.items():
        console.note(f"note: the cooldowns of {name} are not known: {why}")
    if clear:
        found = _clear(session, found, clear)
    if as_json:
        console.document({"cooldowns": found.rows, "unavailable": found.unavailable})
        return 0
    if not found.rows:
        none = f"there are no cooldowns{_limited_to(session, found)}"
        console.note("the cooldowns are not known" if _nothing_known(session, found) else none)
        return 0
    head = ["applied by", "models", "deployment", "address", "why", "since", "left"]
    console.table([head, *(cells(row) for row in found.rows)])
    print_stale(found.rows, {name: one.label for name, one in found.accounts.items()})
    return 0


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
    models = _models_at_upstream(session)
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


def _models_at_upstream(session: Session) -> dict[str, set[str]]:
    tree = overlay(session.config.litellm_base, session.config.profiles[_profile(session)])
    return cooldowns.models_at_upstream(session.config, tree)


def _profile(session: Session) -> str:
    """Return the profile that serves; if none, or if the config no longer has it, the last active one."""
    serving = session.supervisor.generation(litellm.NAME)
    named = str(serving["labels"].get("profile") or "") if serving else ""
    return named if named in session.config.profiles else session.profile().value


# --- ending a cooldown


def _clear(session: Session, found: Cooldowns, wanted: str) -> Cooldowns:
    """End every cooldown of a model or an account; return the remaining ones.

    Raises:
        UnknownName: There is no such model or account.
        CheckFailed: A cooldown could not be ended.
    """
    own = [row for row in found.rows if wanted in _names(row, found)]
    if not own:
        _require_known(session, found, wanted)
        console.note(f"{wanted} is not in cooldown{_limited_to(session, found)}")
        return found
    if any(row["by"] == litellm.NAME for row in own):
        _restart_litellm(session)
        own = [row for row in found.rows if row in own or row["by"] == litellm.NAME]  # all of LiteLLM's have ended
    _reset(session, [found.accounts[row["address"]] for row in own if row["by"] == cliproxy.NAME])
    after = gather(session)
    cleared_cooldowns.record(session, own, after.rows, _profile(session))
    remaining = [row for row in after.rows if wanted in _names(row, after)]
    if remaining:
        what = f"{wanted} is in cooldown again: {describe_cooldown(remaining[0])}"
        raise CheckFailed(what, fix="inv explain")
    console.note(f"{wanted} is no longer in cooldown")
    return after


def _nothing_known(session: Session, found: Cooldowns) -> bool:
    return len(found.unavailable) == len(_programs(session))


def _programs(session: Session) -> list[str]:
    """Return the programs that may have cooldowns."""
    return [*session.config.services, *([cliproxy.NAME] if session.config.remote else [])]


def _limited_to(session: Session, found: Cooldowns) -> str:
    """Name the program that was checked, if there is another one that was not."""
    checked = [name for name in _programs(session) if name not in found.unavailable]
    return f" in {checked[0]}" if len(checked) == 1 and found.unavailable else ""


def _names(row: Row, found: Cooldowns) -> set[str]:
    """Return every name that the user may type for a cooldown."""
    names = {*row["models"], row["deployment"], upstream_deployments.without_provider(row["deployment"])}
    account = found.accounts.get(row["address"]) if row["by"] == cliproxy.NAME else None
    return names | {account.file, account.label, *account.models} if account else names


def _require_known(session: Session, found: Cooldowns, wanted: str) -> None:
    from flowgate.cli.checks import runtime

    known = {name for row in found.rows for name in (*row["models"], row["deployment"])}
    stack = runtime.read_only_context(session, []).stack()
    known |= {*stack.models, *stack.requestable, *(account.label for account in found.accounts.values())}
    known = known.union(*_models_at_upstream(session).values())
    if wanted not in known:
        raise UnknownName("model", wanted, known=sorted(known))


def _restart_litellm(session: Session) -> None:
    """Replace LiteLLM's generation: a new one has no cooldowns."""
    from flowgate.cli.play import run_in
    from flowgate.cli.requests import RunRequest

    console.note("starting a new generation of LiteLLM, which has no cooldowns")
    variables: Variables = {"service": litellm.NAME, "now": False}
    if run_in(session, RunRequest("service-restart", variables, profile=_profile(session))):
        raise CheckFailed("the new generation of LiteLLM failed; its cooldowns remain", fix="inv explain")


def _reset(session: Session, accounts: Sequence[AccountCooldown]) -> None:
    from flowgate.accounts.cooldowns import clear

    for account in accounts:
        if account.clearable:
            management_driver(session).run(clear(account))
    stuck = ", ".join(account.label for account in accounts if not account.clearable)
    if stuck:
        what = f"this CLIProxyAPIPlus cannot end the cooldown of {stuck}"
        fix = f"{RESTART} (waits until no request is in progress; ends all cooldowns)"
        fix = remote_upstream.management_fix(session.config.remote) if session.config.remote else fix
        raise CheckFailed(what, fix=fix)
