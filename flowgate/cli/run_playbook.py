"""Take an order: settle the profile, build the reach, run a playbook, print the bill."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from flowgate.cli import console, step_catalog
from flowgate.cli.entrypoint import say_bug
from flowgate.cli.playbook_selection import Course
from flowgate.cli.progress import Live
from flowgate.cli.session import Office, enter
from flowgate.context import Choice, Files, Reach
from flowgate.domain import Report
from flowgate.errors import Mistake, Refusal, UnknownName
from flowgate.gateway.cliproxy import is_embedded
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse
from flowgate.playbook.playbook import run_plays
from flowgate.system import files, locations, terminal
from flowgate.system.clock import Clock, stamp
from flowgate.system.http import Http

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
    start_at: the first task to run; stepwise: ask before each; listing: "tasks" or "tags" to list instead of running
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
    start_at: str = ""
    stepwise: bool = False
    listing: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """How an order ended.

    embedded: whether the embedded upstream answered, no provider
    resume_at: where it can go on after a failure, as `--start-at-task` takes it
    """

    report: Report
    profile: str
    embedded: bool
    resume_at: str | None = None


def play(order: Order) -> Bill:
    """Run a playbook, a line per task; what it started goes on only when it succeeded.

    Gives: the bill; the error that ended the run is in it, not printed yet
    Fails with: Mistake for anything written wrong, before the first task looks
    """
    office = enter()
    console.note(office.describe())
    path = find_playbook(order.name)
    faults: list[Refusal] = []
    plays = parse(files.read_text(path), str(path), faults)
    settled = office.profile(order.profile or str(order.variables.get("profile") or ""))
    variables = dict(order.variables) if order.profile is None else {**order.variables, "profile": settled.value}
    if settled.value not in office.config.profiles:
        known = office.config.profiles
        raise UnknownName("profile", settled.value, known=known, at=office.config.place("profiles"))
    catalog = step_catalog.catalog()
    tags = (*order.tags, *order.skip_tags)
    order = replace(order, variables=variables)
    course = Course(plays, order, office.config.vars, faults)
    check(plays, catalog, variables.keys(), defaults=office.config.vars.keys(), tags=tags, faults=faults)
    if order.syntax_only:
        console.note(f"{path}: nothing wrong")
    if order.listing:
        course.show()
    if order.syntax_only or order.listing:
        return Bill(Report(path.stem, (), None, 0, 0.0), settled.value, is_embedded(office.config))
    live = Live(order.diff)
    reach = _reach(office, Choice(settled), order.name, live)
    started = stamp(reach.clock.wall())
    go = partial(_run, course, reach, catalog, live)
    try:
        report = go() if order.check else _change(order, reach, office, go)
    finally:
        live.rest()
    report = replace(report, playbook=str(path), started=started, check=order.check)
    resume_at = course.resume_at(report) if report.error else None
    return Bill(report, reach.choice.profile.value, is_embedded(office.config), resume_at)


def close(bill: Bill) -> int:
    """Print the error that ended a run, if one did; give the exit code."""
    error = bill.report.error
    failed = next((one for one in bill.report.outcomes if one.status == "failed"), None)
    if failed is not None:
        console.note(f"  task: {failed.task} ({failed.place})")
    if isinstance(error, Refusal):
        outcomes = bill.report.outcomes
        told = bool(outcomes) and outcomes[-1].error is error
        console.refusal(error, told=told)
    elif error is not None:
        return say_bug(error)
    return bill.report.code


def _change(order: Order, reach: Reach, office: Office, go: Callable[[], Report]) -> Report:
    """Run under the lock of the runtime folder; keep what was started when all went well."""
    lock = reach.runtime / "lock"
    what = f"'{order.name}'" if order.name != "play" else "'play'"
    held = files.hold(lock, what, clock=reach.clock, timeout=LOCK_SECONDS, waiting=_waiting)
    with held if order.alone else nullcontext():
        office.keeper.recover()
        try:
            report = go()
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
    shipped = locations.playbooks() / f"{name}.yml"
    if not shipped.is_file():
        raise UnknownName("playbook", name, known=_shipped())
    return shipped


def _shipped() -> list[str]:
    return sorted(path.stem for path in locations.playbooks().glob("*.yml"))


def _reach(office: Office, choice: Choice, by: str, live: Live) -> Reach:
    return Reach(
        config=office.config,
        choice=choice,
        keeper=office.keeper,
        http=Http(),
        clock=Clock(),
        files=Files(acting=True),
        environment=dict(os.environ),
        tell=console.note,
        progress=live.progress,
        at_work=live.at_work,
        listen=live.listen,
        browse=terminal.browse,
        by=by,
    )


def _run(course: Course, reach: Reach, catalog: Catalog, live: Live) -> Report:
    order, gate = course.order, course.gate()
    several = len(course.plays) > 1
    report = run_plays(
        course.plays,
        reach,
        order.variables,
        begin=lambda play: console.note(f"play: {play.name}") if several else None,
        catalog=catalog,
        tell=live.tell,
        doing=live.doing,
        clock=live.clock(reach.clock),
        check=order.check,
        defaults=reach.config.vars,
        tags=order.tags,
        skip_tags=order.skip_tags,
        admit=gate.admits if gate else None,
    )
    if order.check:
        from flowgate.cli.diff import show_unforetold

        show_unforetold(report.outcomes)
    return report


def _waiting(holder: str) -> None:
    console.note(f"waiting for {holder}, which is changing this runtime folder")
