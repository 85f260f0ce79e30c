"""The command `cooldowns`: print them, or end those of one model or account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flowgate.cli import cleared_cooldowns, console
from flowgate.cli.cooldown_rows import Row, cells, describe_cooldown
from flowgate.cli.cooldowns import Cooldowns, gather, management_driver, models_at_upstream, profile_in_force
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session, open_session
from flowgate.cli.stale_cooldowns import print_stale
from flowgate.errors import CheckFailed, NotReady, UnknownName
from flowgate.gateway import cliproxy, litellm, remote_upstream, upstream_deployments

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown
    from flowgate.domain import Variables

RESTART = f"inv service.restart --service {cliproxy.NAME}"


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


def _nothing_known(session: Session, found: Cooldowns) -> bool:
    return len(found.unavailable) == len(_programs(session))


def _programs(session: Session) -> list[str]:
    """Return the programs that may have cooldowns."""
    return [*session.config.services, *([cliproxy.NAME] if session.config.remote else [])]


def _limited_to(session: Session, found: Cooldowns) -> str:
    """Name the program that was checked, if there is another one that was not."""
    checked = [name for name in _programs(session) if name not in found.unavailable]
    return f" in {checked[0]}" if len(checked) == 1 and found.unavailable else ""


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
    cleared_cooldowns.record(session, own, after.rows, profile_in_force(session))
    remaining = [row for row in after.rows if wanted in _names(row, after)]
    if remaining:
        what = f"{wanted} is in cooldown again: {describe_cooldown(remaining[0])}"
        raise CheckFailed(what, fix="inv explain")
    console.note(f"{wanted} is no longer in cooldown")
    return after


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
    known = known.union(*models_at_upstream(session).values())
    if wanted not in known:
        raise UnknownName("model", wanted, known=sorted(known))


def _restart_litellm(session: Session) -> None:
    """Replace LiteLLM's generation: a new one has no cooldowns."""
    from flowgate.cli.play import run_in
    from flowgate.cli.requests import RunRequest

    console.note("starting a new generation of LiteLLM, which has no cooldowns")
    variables: Variables = {"service": litellm.NAME, "now": False}
    if run_in(session, RunRequest("service-restart", variables, profile=profile_in_force(session))):
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
