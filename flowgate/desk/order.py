"""Take an order: settle the profile, build the reach, run a playbook, print the bill."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowgate.desk import say
from flowgate.desk.front import say_bug
from flowgate.desk.office import Office, enter
from flowgate.errors import Mistake, Refusal, UnknownName
from flowgate.model import Outcome, Play, Report
from flowgate.play.catalog import Catalog, steps_in
from flowgate.play.check import check
from flowgate.play.parse import parse
from flowgate.play.run import Event, run
from flowgate.reach import Choice, Files, Reach
from flowgate.stack.cliproxy import is_embedded
from flowgate.world import files, home, terminal
from flowgate.world.clock import Clock
from flowgate.world.http import Http

LOCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants run.

    name: a shipped playbook's name, or a path
    variables: what was typed; they beat the playbook's own
    profile: settles the profile (empty: the one in force) and hands it over; None leaves it to the playbook
    event: the name under which the run goes into the event log; provider: whose account it is about
    alone: hold the lock of the runtime folder, so that nobody else changes it meanwhile
    check: look only; diff: show what differs in files; syntax_only: do not even look
    tags, skip_tags: which tasks run
    """

    name: str
    variables: dict[str, Any] = field(default_factory=dict)
    profile: str | None = None
    event: str = "play"
    provider: str = ""
    alone: bool = True
    check: bool = False
    diff: bool = False
    syntax_only: bool = False
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """How an order ended.

    embedded: whether the embedded upstream answered, no provider
    """

    report: Report
    profile: str
    embedded: bool


def play(order: Order) -> Bill:
    """Run a playbook, a line per task; what it started goes on only when it succeeded.

    Gives: the bill; the error that ended the run is in it, not printed yet
    Fails with: Mistake for anything written wrong, before the first task looks
    """
    office = enter()
    say.note(office.describe())
    path = find_playbook(order.name)
    faults: list[Refusal] = []
    plays = parse(files.read_text(path), str(path), faults)
    settled = office.profile(order.profile or str(order.variables.get("profile") or ""))
    variables = dict(order.variables) if order.profile is None else {**order.variables, "profile": settled.value}
    if settled.value not in office.config.profiles:
        known = office.config.profiles
        raise UnknownName("profile", settled.value, known=known, at=office.config.place("profiles"))
    catalog = Catalog(steps_in("flowgate.steps"))
    tags = (*order.tags, *order.skip_tags)
    check(plays, catalog, variables.keys(), defaults=office.config.vars.keys(), tags=tags, faults=faults)
    if order.syntax_only:
        say.note(f"{path}: nothing wrong")
        return Bill(Report(path.stem, (), None, 0, 0.0), settled.value, is_embedded(office.config))
    reach = _reach(office, Choice(settled), order.name)
    order = replace(order, variables=variables)
    report = _run(plays, reach, order, catalog) if order.check else _change(plays, reach, order, catalog, office)
    return Bill(report, reach.choice.profile.value, is_embedded(office.config))


def close(bill: Bill) -> int:
    """Print the error that ended a run, if one did; give the exit code."""
    error = bill.report.error
    if isinstance(error, Refusal):
        outcomes = bill.report.outcomes
        say.refusal(error, told=bool(outcomes) and outcomes[-1].error is error)
    elif error is not None:
        return say_bug(error)
    return bill.report.code


def _change(plays: tuple[Play, ...], reach: Reach, order: Order, catalog: Catalog, office: Office) -> Report:
    """Run under the lock of the runtime folder; keep what was started when all went well."""
    lock = reach.runtime / "lock"
    what = f"'{order.name}'" if order.name != "play" else "'play'"
    held = files.hold(lock, what, clock=reach.clock, timeout=LOCK_SECONDS, waiting=_waiting)
    with held if order.alone else nullcontext():
        office.keeper.recover()
        try:
            report = _run(plays, reach, order, catalog)
            office.keeper.finish(keep=report.code == 0)
        finally:
            office.keeper.close()
        result = "ok" if report.code == 0 else "failed"
        detail = f"{order.name}: {report.error}" if report.error else order.name
        about = {"profile": reach.choice.profile.value, "provider": order.provider}
        reach.event(order.event, **about, result=result, detail=detail)
    return report


def find_playbook(name: str) -> Path:
    """Find a playbook: a path, or the name of a shipped one.

    Fails with: UnknownName
    """
    path = Path(name).expanduser()
    if path.suffix in (".yml", ".yaml") or "/" in name:
        if path.is_file():
            return path
        raise Mistake(f"there is no playbook at {path.absolute()}", hint=f"shipped ones: {', '.join(_shipped())}")
    shipped = home.playbooks() / f"{name}.yml"
    if not shipped.is_file():
        raise UnknownName("playbook", name, known=_shipped())
    return shipped


def _shipped() -> list[str]:
    return sorted(path.stem for path in home.playbooks().glob("*.yml"))


def _reach(office: Office, choice: Choice, by: str) -> Reach:
    return Reach(
        config=office.config,
        choice=choice,
        keeper=office.keeper,
        http=Http(),
        clock=Clock(),
        files=Files(acting=True),
        environment=dict(os.environ),
        tell=say.note,
        progress=say.progress,
        at_work=say.begins,
        listen=terminal.typed,
        browse=terminal.browse,
        by=by,
    )


def _run(plays: tuple[Play, ...], reach: Reach, order: Order, catalog: Catalog) -> Report:
    reports: list[Report] = []
    for one in plays:
        report = run(
            one,
            reach,
            order.variables,
            catalog=catalog,
            tell=_tell_with_diff if order.diff else _tell,
            check=order.check,
            defaults=reach.config.vars,
            tags=order.tags,
            skip_tags=order.skip_tags,
        )
        reports.append(report)
        if report.code:
            break
    whole = reports[-1] if reports else Report(order.name, (), None, 0, 0.0)
    outcomes = tuple(outcome for report in reports for outcome in report.outcomes)
    if order.check:
        from flowgate.desk.preview import show_unforetold

        show_unforetold(outcomes)
    return replace(whole, outcomes=outcomes, seconds=sum(report.seconds for report in reports))


def _tell(event: Event) -> None:
    if isinstance(event, Outcome):
        say.ends(event)
    else:
        say.begins(event.task)


def _tell_with_diff(event: Event) -> None:
    _tell(event)
    if isinstance(event, Outcome) and event.diff:
        from flowgate.desk.preview import show_diff

        show_diff(event)


def _waiting(holder: str) -> None:
    say.note(f"waiting for {holder}, which is changing this runtime folder")
