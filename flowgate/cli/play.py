"""Commands that run a playbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowgate.cli import arguments, console
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.requests import ReportRequest, RunRequest
from flowgate.cli.run_playbook import execute, print_end
from flowgate.cli.session import Session, open_session
from flowgate.domain import Variables
from flowgate.domain.budgets import CHOSEN_FILE, STATE_FILE
from flowgate.errors import DiskError
from flowgate.gateway import cliproxy, southbound
from flowgate.system import files

CHANGES = ("changed", "failed")


def run(config: str, playbook: str, variables: Variables, *, profile: str | None = None, **more: Any) -> int:
    """Run a shipped playbook and print how it ended.

    Args:
        config: Path after `--config`; empty to search for the config.
        playbook: Name of the playbook.
        variables: Variables of the run.
        profile: Profile to pass on; empty for the active one, None to leave it to the playbook.
        **more: Further fields of the request.

    Returns:
        The exit code.
    """
    return run_in(open_session(config), RunRequest(playbook, variables, profile=profile, **more))


def set_profile(config: str, profile: str, if_serving: str, *, check: bool = False) -> int:
    """Activate a profile; budgets leave it alone then, also if it serves already.

    Args:
        config: Path after `--config`; empty to search for the config.
        profile: The profile.
        if_serving: Change nothing unless this profile serves: budgets and scripts switch so; empty for a person.
        check: Predict the changes without making them.

    Returns:
        The exit code.
    """
    session = open_session(config)
    request = RunRequest("switch-profile", {"if_serving": if_serving}, profile=profile, check=check)
    code = run_in(session, request)
    runtime = session.config.paths.runtime_dir
    if not code and not check and not if_serving and files.is_there(runtime / STATE_FILE):
        try:
            files.write_atomic(runtime / CHOSEN_FILE, profile)
        except DiskError as error:
            console.note(f"warning: a budget may switch back from {profile}: {error}")
    return code


def up(config: str, profile: str, *, check: bool = False) -> int:
    """Start everything in the background; say so where a service manager does that.

    Args:
        config: Path after `--config`; empty to search for the config.
        profile: Profile to start with; empty for the active one.
        check: Predict the changes without making them.

    Returns:
        The exit code.
    """
    from flowgate.cli import service_install

    session = open_session(config)
    found = service_install.installed(session)
    if found is not None:
        console.note(f"note: {found.path} starts this gateway too, and takes it over: {found.start_words()}")
    return run_in(session, RunRequest("up", {}, profile=profile, check=check))


def down(config: str, service: str, *, check: bool = False) -> int:
    """Stop services; a config that an edit has broken since does not stand in the way.

    Args:
        config: Path after `--config`; empty to search for the config.
        service: Name of the service, or "all".
        check: Predict the changes without making them.

    Returns:
        The exit code.
    """
    return run_in(open_to_read(config), RunRequest("down", {"service": service}, check=check))


def run_in(session: Session, request: RunRequest) -> int:
    """Run a playbook in an open session and print how it ended.

    Args:
        session: Config and supervisor of this command.
        request: What to run.

    Returns:
        The exit code.

    Raises:
        UsageError: The gateway has no such service.
    """
    southbound.require_service(session.config, str(request.variables.get("service") or ""))
    result = execute(session, request)
    if request.playbook == "down" and not any(one.status in CHANGES for one in result.report.outcomes):
        from flowgate.cli import reach

        reach.print_others(session, "down")
    return print_end(result)


def smoke(config: str, profile: str, variables: Variables, *, check: bool = False) -> int:
    """Run the smoke playbook and print its verdict.

    Args:
        config: Path after `--config`; empty to search for the config.
        profile: Profile to test; empty for the active one.
        variables: Variables of the playbook.
        check: Predict the changes without making them.

    Returns:
        The exit code.
    """
    session = open_session(config)
    result = execute(session, RunRequest("smoke", variables, profile=profile, event="smoke", check=check))
    code = print_end(result)
    if check:
        return code
    has_accounts = cliproxy.is_configured(session.config) or session.config.remote
    own = "your accounts" if has_accounts else "your providers"
    upstream = "FlowGate's embedded upstream (not a provider)" if result.embedded else own
    verdict = "PASS" if code == 0 else "FAIL"
    console.data(f"{verdict}  {result.profile} over {upstream}, {result.report.seconds:.1f} s")
    return code


def reload(config: str, service: str, watch: bool, *, check: bool = False) -> int:
    """Apply changed settings to running services.

    Args:
        config: Path after `--config`; empty to search for the config.
        service: Name of the service, or "all".
        watch: Wait until the older generation has ended, and print what changes.
        check: Predict the changes without making them.

    Returns:
        The exit code.
    """
    session = open_session(config)
    code = run_in(session, RunRequest("service-reload", {"service": service}, profile="", check=check))
    if watch and code == 0 and not check:
        from flowgate.cli.watch_generations import watch_generations

        watch_generations(session)
    return code


def play_any(
    config: str,
    name: str,
    extra: Sequence[str],
    *,
    reports: Mapping[str, str],
    fleet: Mapping[str, str] | None = None,
    **typed: Any,
) -> int:
    """Run any playbook, as `inv play` does: recap, reports, and the command that resumes after a failure.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: Name of a shipped playbook, or a path.
        extra: Each value of `-e`.
        reports: Kind ("json", "junit", "html") → file; empty for none.
        fleet: "inventory", "limit" and "serial" as typed; without an inventory it runs on this machine.
        **typed: Fields of the request; `tags` and `skip_tags` as typed.

    Returns:
        The exit code.
    """
    from flowgate.cli import run_reports

    if fleet and any(fleet.values()):
        from flowgate.cli import fleet_play

        return fleet_play.play_typed(config, (name, extra, reports), fleet, typed)
    run_reports.check_writable(reports)
    fields = {**typed, "tags": arguments.words(typed["tags"]), "skip_tags": arguments.words(typed["skip_tags"])}
    variables = arguments.variables(extra)
    fields["profile"] = arguments.one_profile(typed["profile"], variables)
    request = RunRequest(arguments.named(name, "a playbook"), variables, extra_names=frozenset(variables), **fields)
    session = open_session(config)
    result = execute(session, request)
    code = print_end(result)
    if result.report.started:
        command = run_reports.command_words(session.named, name, extra, typed, reports)
        run_reports.write_reports(result, ReportRequest(reports, command))
    return code
