"""Run a playbook: check it, take the lock, settle the profile, run the tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from flowgate.cli import console, kept_config, step_catalog
from flowgate.cli.entrypoint import print_bug
from flowgate.cli.find_playbook import find_playbook
from flowgate.cli.masking import playbook_secrets
from flowgate.cli.progress import RunProgress
from flowgate.cli.requests import RunRequest, RunResult
from flowgate.cli.runtime_lock import RuntimeLock
from flowgate.cli.session import Session, hide_secrets
from flowgate.cli.task_selection import TaskSelection
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import Config, Play, Report, Value
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway import remote_probe
from flowgate.gateway.cliproxy import is_embedded
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse
from flowgate.playbook.playbook import run_plays
from flowgate.playbook.run_options import RunOptions
from flowgate.steps._put_back import forget, put_back
from flowgate.system import files, terminal
from flowgate.system.clock import Clock, stamp


@dataclass(frozen=True, slots=True)
class _CheckedPlaybook:
    path: Path
    plays: tuple[Play, ...]
    catalog: Catalog
    selection: TaskSelection


def execute(session: Session, request: RunRequest) -> RunResult:
    """Run a playbook; the services that it started keep running only when it succeeded.

    What the run rests on (which profile is active, what serves) is read after the lock is held.

    Args:
        session: Config and supervisor of this command.
        request: What to run.

    Returns:
        The result; the error that ended the run is in it, and not printed yet.

    Raises:
        UsageError: Something is written wrong; no task has run.
        LockTimeout: Another command changes the runtime folder for too long.
    """
    console.note(session.describe())
    check_profile(session, request.typed_profile)
    checked = _checked(session, request)
    if request.syntax_only or request.listing:
        if request.syntax_only:
            console.note(f"{checked.path}: nothing wrong")
        if request.listing:
            checked.selection.show(request.listing)
        report = Report(checked.path.stem, (), None, 0, 0.0)
        return RunResult(report, request.typed_profile, is_embedded(session.config))
    progress = RunProgress(request.diff)
    lock = RuntimeLock(session, request)
    try:
        with lock.hold():
            return _run(session, request, checked, progress, lock)
    finally:
        progress.pause()


def print_end(result: RunResult) -> int:
    """Print the error that ended a run, if there is one.

    Args:
        result: Result of the run.

    Returns:
        The exit code.
    """
    error = result.report.error
    failed = next((one for one in result.report.outcomes if one.status == "failed"), None)
    if failed is not None:
        console.note(f"  task: {failed.task} ({failed.place})")
    if isinstance(error, FlowGateError):
        outcomes = result.report.outcomes
        console.print_error(error, already_printed=bool(outcomes) and outcomes[-1].error is error)
    elif error is not None:
        return print_bug(error)
    return result.report.code


def check_profile(session: Session, name: str) -> None:
    """Refuse a profile that the config does not have.

    Args:
        session: The session of this command.
        name: The profile; empty for none.

    Raises:
        UnknownName: There is no such profile.
    """
    known = session.config.profiles
    if name and name not in known:
        raise UnknownName("profile", name, known=known, at=session.config.place("profiles"))


def _checked(session: Session, request: RunRequest) -> _CheckedPlaybook:
    """Read and check a playbook; report all its faults at once."""
    path = find_playbook(request.playbook)
    faults: list[FlowGateError] = []
    plays = parse(files.read_text(path), str(path), faults)
    hide_secrets(session.config, session.environment, playbook_secrets(plays, request.variables))
    catalog = step_catalog.catalog(session.named.value)

    def profile() -> str:
        return session.profile(request.typed_profile).value

    selection = TaskSelection(
        plays, request, lambda: request.values(profile()), lambda: _defaults(session.config, profile()), faults
    )
    tags = (*request.tags, *request.skip_tags)
    defaults = _defaults(session.config, "").keys()
    used = check(plays, catalog, request.names, defaults=defaults, tags=tags, errors=faults)
    _check_used(request, used)
    return _CheckedPlaybook(path, plays, catalog, selection)


def _defaults(config: Config, profile: str) -> dict[str, Value]:
    """Return the variables that all others override: the profile of the run, and the `vars` of the config."""
    return {"profile": profile, **config.vars}


def _check_used(request: RunRequest, used: frozenset[str]) -> None:
    """Tell which variables of `-e` have no effect.

    Raises:
        UnknownName: One is most likely misspelt.
    """
    for name in sorted(request.extra_names - used - {"profile"}):
        what = f"the playbook uses no variable '{name}' (-e)"
        if near := get_close_matches(name, {*used, "profile"}, n=1, cutoff=0.6):
            raise UsageError(what, fix=f"did you mean '{near[0]}'?")
        console.note(f"warning: {what}; it has no effect")


def _run(
    session: Session, request: RunRequest, checked: _CheckedPlaybook, progress: RunProgress, lock: RuntimeLock
) -> RunResult:
    run_state = RunState(session.profile(request.typed_profile))
    context = replace(_context(session, run_state, request.playbook, progress), without_lock=lock.given_back)
    started = stamp(context.clock.wall())
    report = _run_tasks(context, request, checked, progress)
    report = replace(report, playbook=str(checked.path), started=started, check=request.check)
    if not request.check:
        _settle(context, report)
        session.supervisor.finish(keep=report.code == 0)
        kept_config.update(session, report)
        _record(context, request, report)
    resume_at = checked.selection.resume_at(report) if report.error else None
    return RunResult(report, run_state.profile.value, is_embedded(session.config), resume_at)


def _settle(context: StepContext, report: Report) -> None:
    """Write back what this run has replaced for a LiteLLM that does not serve: it was refused, or Ctrl-C came first."""
    if report.code == 0:
        forget(context)
        return
    try:
        restored = put_back(context)
    except FlowGateError as error:
        names = ", ".join(path.name for path in context.run_state.replaced)
        console.note(f"warning: {names} could not be written back: {error}")
        return
    if restored:
        console.note(f"wrote {', '.join(path.name for path in restored)} back: the old settings still serve")


def _context(session: Session, run_state: RunState, requested_by: str, progress: RunProgress) -> StepContext:
    return StepContext(
        config=session.config,
        run_state=run_state,
        supervisor=session.supervisor,
        http=remote_probe.client(session.config),
        clock=Clock(),
        files=Files(acting=True),
        environment=session.environment,
        emit=progress.note,
        mask=console.masked,
        progress=progress.progress,
        set_activity=progress.set_activity,
        read_line=progress.read_line,
        open_browser=terminal.open_browser,
        requested_by=requested_by,
    )


def _run_tasks(context: StepContext, request: RunRequest, checked: _CheckedPlaybook, progress: RunProgress) -> Report:
    task_filter = checked.selection.task_filter()
    options = RunOptions(
        emit=progress.emit,
        check=request.check,
        clock=progress.clock(context.clock),
        defaults=_defaults(context.config, context.run_state.profile.value),
        tags=request.tags,
        skip_tags=request.skip_tags,
        allow=task_filter.allows if task_filter else None,
        on_change=progress.set_activity,
    )

    def on_play(play: Play) -> None:
        if len(checked.plays) > 1:
            console.note(f"play: {play.name}")

    report = run_plays(
        checked.plays, context, request.values(context.run_state.profile.value), checked.catalog, options, on_play
    )
    if request.check:
        from flowgate.cli.diff import show_unpredicted

        show_unpredicted(report.outcomes)
    return report


def _record(context: StepContext, request: RunRequest, report: Report) -> None:
    """Append the run to the event log."""
    context.event(
        request.event,
        profile=context.run_state.profile.value,
        provider=request.provider,
        result="ok" if report.code == 0 else "failed",
        detail=f"{request.playbook}: {report.error}" if report.error else request.playbook,
    )
