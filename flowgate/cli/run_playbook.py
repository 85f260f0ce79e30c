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
from flowgate.cli.playbook_selection import TaskSelection
from flowgate.cli.progress import RunProgress
from flowgate.cli.session import Session, open_session
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Report
from flowgate.errors import FlowGateError, UnknownName, UsageError
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
class RunRequest:
    """What somebody wants run.

    Attributes:
        name: A shipped playbook's name, or a path.
        variables: What was typed; they beat the playbook's own.
        profile: Settles the profile (empty: the one in force) and hands it over; None leaves it to the playbook.
        event: The name under which the run goes into the event log.
        provider: Whose account it is about.
        alone: Hold the lock of the runtime folder, so that nobody else changes it meanwhile.
        check: Look only.
        diff: Show what differs in files.
        syntax_only: Do not even look.
        tags: Which tasks run.
        skip_tags: Which tasks run.
        start_at: The first task to run.
        stepwise: Ask before each.
        listing: "tasks" or "tags" to list instead of running.
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
class RunResult:
    """How an order ended.

    Attributes:
        embedded: Whether the embedded upstream answered, no provider.
        resume_at: Where it can go on after a failure, as `--start-at-task` takes it.
    """

    report: Report
    profile: str
    embedded: bool
    resume_at: str | None = None


def play(request: RunRequest) -> RunResult:
    """Run a playbook, a line per task; what it started goes on only when it succeeded.

    Returns:
        The bill; the error that ended the run is in it, not printed yet.

    Raises:
        UsageError: Anything written wrong, before the first task looks.
    """
    session = open_session()
    console.note(session.describe())
    path = find_playbook(request.name)
    faults: list[FlowGateError] = []
    plays = parse(files.read_text(path), str(path), faults)
    settled = session.profile(request.profile or str(request.variables.get("profile") or ""))
    variables = dict(request.variables) if request.profile is None else {**request.variables, "profile": settled.value}
    if settled.value not in session.config.profiles:
        known = session.config.profiles
        raise UnknownName("profile", settled.value, known=known, at=session.config.place("profiles"))
    catalog = step_catalog.catalog()
    tags = (*request.tags, *request.skip_tags)
    request = replace(request, variables=variables)
    selection = TaskSelection(plays, request, session.config.vars, faults)
    check(plays, catalog, variables.keys(), defaults=session.config.vars.keys(), tags=tags, faults=faults)
    if request.syntax_only:
        console.note(f"{path}: nothing wrong")
    if request.listing:
        selection.show()
    if request.syntax_only or request.listing:
        return RunResult(Report(path.stem, (), None, 0, 0.0), settled.value, is_embedded(session.config))
    progress = RunProgress(request.diff)
    context = _reach(session, RunState(settled), request.name, progress)
    started = stamp(context.clock.wall())
    go = partial(_run, selection, context, catalog, progress)
    try:
        report = go() if request.check else _change(request, context, session, go)
    finally:
        progress.pause()
    report = replace(report, playbook=str(path), started=started, check=request.check)
    resume_at = selection.resume_at(report) if report.error else None
    return RunResult(report, context.run_state.profile.value, is_embedded(session.config), resume_at)


def close(result: RunResult) -> int:
    """Print the error that ended a run, if one did; give the exit code."""
    error = result.report.error
    failed = next((one for one in result.report.outcomes if one.status == "failed"), None)
    if failed is not None:
        console.note(f"  task: {failed.task} ({failed.place})")
    if isinstance(error, FlowGateError):
        outcomes = result.report.outcomes
        already_printed = bool(outcomes) and outcomes[-1].error is error
        console.print_error(error, already_printed=already_printed)
    elif error is not None:
        return say_bug(error)
    return result.report.code


def _change(request: RunRequest, context: StepContext, session: Session, go: Callable[[], Report]) -> Report:
    """Run under the lock of the runtime folder; keep what was started when all went well."""
    lock = context.runtime / "lock"
    what = f"'{request.name}'" if request.name != "play" else "'play'"
    held = files.exclusive_lock(lock, what, clock=context.clock, timeout=LOCK_SECONDS, on_wait=_waiting)
    with held if request.alone else nullcontext():
        session.supervisor.recover()
        try:
            report = go()
            session.supervisor.finish(keep=report.code == 0)
        finally:
            session.supervisor.close()
        result = "ok" if report.code == 0 else "failed"
        detail = f"{request.name}: {report.error}" if report.error else request.name
        about = {"profile": context.run_state.profile.value, "provider": request.provider}
        context.event(request.event, **about, result=result, detail=detail)
    return report


def find_playbook(name: str) -> Path:
    """Find a playbook: a path, or the name of a shipped one.

    Raises:
        UnknownName: See the message.
    """
    path = Path(name).expanduser()
    if path.suffix in (".yml", ".yaml") or "/" in name:
        if path.is_file():
            return path
        raise UsageError(f"there is no playbook at {path.absolute()}", fix=f"shipped ones: {', '.join(_shipped())}")
    shipped = locations.playbooks() / f"{name}.yml"
    if not shipped.is_file():
        raise UnknownName("playbook", name, known=_shipped())
    return shipped


def _shipped() -> list[str]:
    return sorted(path.stem for path in locations.playbooks().glob("*.yml"))


def _reach(session: Session, run_state: RunState, requested_by: str, progress: RunProgress) -> StepContext:
    return StepContext(
        config=session.config,
        run_state=run_state,
        supervisor=session.supervisor,
        http=Http(),
        clock=Clock(),
        files=Files(acting=True),
        environment=dict(os.environ),
        emit=progress.note,
        progress=progress.progress,
        set_activity=progress.set_activity,
        read_line=progress.listen,
        open_browser=terminal.open_browser,
        requested_by=requested_by,
    )


def _run(selection: TaskSelection, context: StepContext, catalog: Catalog, progress: RunProgress) -> Report:
    request, task_filter = selection.request, selection.task_filter()
    several = len(selection.plays) > 1
    report = run_plays(
        selection.plays,
        context,
        request.variables,
        begin=lambda play: console.note(f"play: {play.name}") if several else None,
        catalog=catalog,
        emit=progress.emit,
        doing=progress.set_activity,
        clock=progress.clock(context.clock),
        check=request.check,
        defaults=context.config.vars,
        tags=request.tags,
        skip_tags=request.skip_tags,
        admit=task_filter.allows if task_filter else None,
    )
    if request.check:
        from flowgate.cli.diff import show_unpredicted

        show_unpredicted(report.outcomes)
    return report


def _waiting(holder: str) -> None:
    console.note(f"waiting for {holder}, which is changing this runtime folder")
