"""Who is left out for now, in both programs, and letting one play again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flowgate.cli import console
from flowgate.cli.session import Session, open_session
from flowgate.config.overlay import overlay
from flowgate.errors import CheckFailed, FlowGateError, NotReady, UnknownName
from flowgate.gateway import cliproxy, cooldowns, litellm
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from flowgate.accounts.cooldowns import AccountCooldown
    from flowgate.accounts.login_driver import LoginDriver

RESTART = f"inv service.restart --service {cliproxy.NAME}"
Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What both programs say.

    Attributes:
        rows: As `--json` documents them.
        accounts: Those of CLIProxyAPIPlus, by the name of their file.
        unasked: Program → why it was not asked.
    """

    rows: list[Row]
    accounts: dict[str, AccountCooldown]
    unavailable: dict[str, str]


def show(config: str, clear: str, as_json: bool) -> int:
    """Print who is left out for now, or end it for one.

    Source: keys of `--json` are documented in docs/runbook-troubleshooting.md

    Args:
        clear: A model, as clients ask for it or as its provider is asked, or an account; empty to look only.
    """
    session = open_session(config)
    found = gather(session)
    if len(found.unavailable) == 2 and not any(session.supervisor.generation(name) for name in found.unavailable):
        raise NotReady("; ".join(found.unavailable.values()), fix="inv up")
    if not as_json:
        console.note(session.describe())
    for name, why in found.unavailable.items():
        console.note(f"note: {name} was not asked: {why}")
    if clear:
        found = _clear(session, found, clear)
    if as_json:
        console.document({"cooldowns": found.rows, "unavailable": found.unavailable})
        return 0
    if not found.rows:
        unknown = len(found.unavailable) == 2
        console.note("who is benched is not known" if unknown else f"nothing is benched{_among(found)}")
        return 0
    head = ["benched by", "models", "deployment", "address", "why", "since", "left"]
    console.table([head, *(_cells(row) for row in found.rows)])
    return 0


def gather(session: Session) -> Found:
    """Ask both programs; one that cannot be asked is no reason to be silent about the other."""
    now = Clock().wall()
    found = Found([], {}, {})
    try:
        found.rows.extend(litellm_cooldowns(session, now))
    except FlowGateError as error:
        found.unavailable[litellm.NAME] = error.what
    try:
        accounts = _talk(session).run(_benched(session, now))
    except FlowGateError as error:
        found.unavailable[cliproxy.NAME] = error.what
        return found
    asked = _models_at_upstream(session)
    found.accounts.update({one.file: one for one in accounts})
    found.rows.extend(_account_row(one, asked, now) for one in accounts)
    return found


def litellm_cooldowns(session: Session, now: datetime) -> list[Row]:
    """Ask the serving generation of LiteLLM.

    Raises:
        NotReady: None serves.
        EnvironmentFailure: It cannot say.
    """
    told = session.supervisor.query(litellm.NAME, "cooldowns")
    return [_timed({"by": litellm.NAME, **row}, _moment(row["since"]), _moment(row["until"]), now) for row in told]


def describe_cooldown(row: Row) -> str:
    """Say in one line who is left out, and for how long."""
    models, by, why = _cells(row)[1], row["by"], row["why"] or "an error"
    at = f" at {row['address']}" if row["address"] else ""
    until = f"{_left(row)} left, until {row['until']}" if row["until"] else "until when is not said"
    return f"{models} ({row['deployment']}{at}) is benched by {by} after {why}: {until}"


# --- asking


def _talk(session: Session) -> LoginDriver:
    """Give who talks with CLIProxyAPIPlus.

    Raises:
        NotReady: See the message.
        UsageError: Without a management key.
    """
    from flowgate.accounts.login_driver import LoginDriver, base_url
    from flowgate.accounts.providers import KNOWN
    from flowgate.cli.checks.runtime import read_only_context
    from flowgate.steps.login import management_key
    from flowgate.system.http import Http

    context = replace(read_only_context(session, []), http=Http())
    base_url(context)  # a program that does not run is said before a key that is missing
    return LoginDriver(context, management_key(context, KNOWN["codex"]))


def _benched(session: Session, now: datetime) -> Any:
    from flowgate.accounts.cooldowns import list_cooldowns
    from flowgate.accounts.login_driver import stated_version
    from flowgate.cli.checks.runtime import read_only_context

    return list_cooldowns(stated_version(read_only_context(session, [])), now)


def _models_at_upstream(session: Session) -> dict[str, set[str]]:
    tree = overlay(session.config.litellm_base, session.config.profiles[_profile(session)])
    return cooldowns.models_at_upstream(session.config, tree)


def _profile(session: Session) -> str:
    """Name the profile that serves; the one in force last where none does, or none that the config still has."""
    serving = session.supervisor.generation(litellm.NAME)
    named = str(serving["labels"].get("profile") or "") if serving else ""
    return named if named in session.config.profiles else session.profile().value


def _account_row(one: AccountCooldown, asked: dict[str, set[str]], now: datetime) -> Row:
    """Tell of an account: its models are those of the profile that are asked through it."""
    row = {
        "by": cliproxy.NAME,
        "models": sorted(name for name, ids in asked.items() if ids & set(one.models)),
        "deployment": f"{one.provider} {one.label}",
        "address": one.file,
        "why": one.why,
    }
    return _timed(row, one.since, one.until, now)


def _timed(row: Row, since: datetime | None, until: datetime | None, now: datetime) -> Row:
    left = None if until is None else round(max(0.0, (until - now).total_seconds()), 1)
    return {**row, "since": _stamp(since), "until": _stamp(until), "seconds_left": left}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _stamp(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""


def _cells(row: Row) -> list[str]:
    models = ", ".join(row["models"]) or "-"
    return [row["by"], models, row["deployment"], row["address"] or "-", row["why"] or "-", row["since"], _left(row)]


def _left(row: Row) -> str:
    return "not said" if row["seconds_left"] is None else f"{row['seconds_left']:.0f} s"


# --- clearing


def _clear(session: Session, found: Found, wanted: str) -> Found:
    """End every cooldown of a model or an account; give what is left.

    Raises:
        UnknownName: See the message.
        CheckFailed: One that goes on.
    """
    mine = [row for row in found.rows if wanted in _names(row, found)]
    if not mine:
        _refuse_unknown(session, found, wanted)
        console.note(f"nothing benches {wanted}{_among(found)}")
        return found
    if any(row["by"] == litellm.NAME for row in mine):
        _hand_over(session)
    stuck = _reset(session, [found.accounts[row["address"]] for row in mine if row["by"] == cliproxy.NAME])
    if stuck:
        what = f"CLIProxyAPIPlus goes on benching {', '.join(one.label for one in stuck)}: it has no call that ends it"
        raise CheckFailed(what, fix=f"{RESTART} (waits for a quiet moment; it forgets every cooldown)")
    after = gather(session)
    still = [row for row in after.rows if wanted in _names(row, after)]
    if still:
        raise CheckFailed(f"{wanted} is benched again: {describe_cooldown(still[0])}", fix="inv explain")
    console.note(f"{wanted} is asked again")
    return after


def _among(found: Found) -> str:
    """Say who was asked, where that was not everybody."""
    asked = [name for name in (litellm.NAME, cliproxy.NAME) if name not in found.unavailable]
    return f" in {asked[0]}" if len(asked) == 1 else ""


def _names(row: Row, found: Found) -> set[str]:
    """Gather every name by which somebody may mean what is benched."""
    names = {*row["models"], row["deployment"], litellm.without_provider(row["deployment"])}
    account = found.accounts.get(row["address"]) if row["by"] == cliproxy.NAME else None
    return names | {account.file, account.label, *account.models} if account else names


def _refuse_unknown(session: Session, found: Found, wanted: str) -> None:
    from flowgate.cli.checks.runtime import read_only_context

    known = {name for row in found.rows for name in (*row["models"], row["deployment"])}
    known |= {*read_only_context(session, []).stack().models, *(one.label for one in found.accounts.values())}
    known = known.union(*_models_at_upstream(session).values())
    if wanted not in known:
        raise UnknownName("model", wanted, known=sorted(known))


def _hand_over(session: Session) -> None:
    """Let a fresh generation of LiteLLM take over: it begins with nobody benched.

    Raises:
        CheckFailed: See the message.
    """
    from flowgate.cli.play import run_in
    from flowgate.cli.requests import RunRequest

    console.note("a fresh generation of LiteLLM takes over; it benches nobody")
    profile = _profile(session)
    variables = {"service": litellm.NAME, "now": False}
    if run_in(session, RunRequest("service-restart", variables, profile=profile)):
        raise CheckFailed("LiteLLM could not be handed over: its cooldowns stay in force", fix="inv explain")


def _reset(session: Session, accounts: list[AccountCooldown]) -> list[AccountCooldown]:
    """Let accounts be asked again; give those for which the program has no call."""
    from flowgate.accounts.cooldowns import clear

    talk: Callable[[Any], object] = _talk(session).run if accounts else lambda one: None
    for one in accounts:
        if one.clearable:
            talk(clear(one))
    return [one for one in accounts if not one.clearable]
