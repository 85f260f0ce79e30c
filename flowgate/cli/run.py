"""The command `run`: the supervisor in the foreground, for systemd, containers and tmux."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from flowgate.cli import console
from flowgate.cli.requests import RunRequest
from flowgate.cli.run_playbook import check_profile
from flowgate.cli.session import Session, open_session
from flowgate.domain import Sourced
from flowgate.errors import EnvironmentFailure, FlowGateError

CHILD = "flowgate.cli.run"
RELOAD = "reload"


def run(config: str, profile: str, *, watch: bool = False) -> NoReturn:
    """Become the supervisor, which brings the services up and stays.

    Args:
        config: Path after `--config`; empty to search for the config.
        profile: The profile; empty for the active one.
        watch: Reload when the config, or a file that it names, changes.

    Raises:
        UsageError: The config or the profile is wrong. Nothing was changed.
        EnvironmentFailure: Another `run` of this config stays in the foreground.
    """
    from flowgate.supervisor import config_record, daemon_process
    from flowgate.supervisor.protocol import FOREGROUND
    from flowgate.system import exec_program, files

    session = open_session(config)
    check_profile(session, profile)
    paths = session.config.paths
    files.make_private_folder(paths.runtime_dir / "run")
    files.make_private_folder(paths.log_file.parent)
    _take_over(session)
    named = session.named
    child = (sys.executable, "-P", "-m", CHILD, str(named.value), named.by, profile, str(paths.runtime_dir))
    daemon = (sys.executable, "-P", "-m", daemon_process.DAEMON, str(paths.runtime_dir), str(paths.log_file))
    how = (FOREGROUND, config_record.WATCH) if watch else (FOREGROUND,)
    exec_program.execute([*daemon, *how, *child], session.environment)


def _take_over(session: Session) -> None:
    """Replace a supervisor that commands have started: what serves under it serves on."""
    from flowgate.supervisor import daemon_process

    try:
        taken = daemon_process.take_over(session.config.paths.runtime_dir)
    except EnvironmentFailure as error:
        raise EnvironmentFailure(f"this gateway runs already: {error.what}", fix=error.fix) from None
    if taken is not None:
        console.note(f"note: the gateway runs already; its supervisor (pid {taken}) is replaced, its services serve on")


def work(file: str, by: str, profile: str, runtime_dir: str, doing: str) -> int:
    """Do what the supervisor in the foreground wants of its child.

    Args:
        file: The config that `run` has found: another one that a search would find now is not meant.
        by: Who named it.
        profile: The profile to start with; empty for the active one.
        runtime_dir: The runtime folder of the supervisor.
        doing: "up", or "reload", which keeps the active profile.
    """
    from flowgate.cli import kept_config, watched_config
    from flowgate.cli.run_playbook import execute, print_end
    from flowgate.supervisor import config_record

    runtime = Path(runtime_dir)
    session, reading = watched_config.read(Sourced(Path(file), by), runtime)
    try:
        before = kept_config.in_force(runtime) if doing == RELOAD else None
        if before is not None:
            watched_config.require_no_restart(before.config, session.config)
        remark = _profile_gone(session) if doing == RELOAD else ""
        request = RunRequest("service-reload", {"service": "all"}, profile="")
        result = execute(session, request if doing == RELOAD else RunRequest("up", {}, profile=profile))
    except FlowGateError as error:
        watched_config.refuse(runtime, reading.record, error)
        raise
    code = print_end(result)
    if code:
        watched_config.refuse(runtime, reading.record, result.report.error or FlowGateError(f"exit code {code}"))
        return code
    config_record.save(runtime, config_record.ConfigRecord(reading.record.files, remark=remark))
    return 0


def _profile_gone(session: Session) -> str:
    """Return, and print, that the active profile is not in the config any more; empty if it is."""
    last = session.state().get("current_profile", "")
    if not last or last in session.config.profiles:
        return ""
    gone = f"profile {last} is not in the config any more; {session.profile().value} takes its place"
    console.note(f"warning: {gone}")
    return gone


if __name__ == "__main__":
    from flowgate.cli.entrypoint import complete, guarded

    sys.exit(complete(guarded(partial(work, *sys.argv[1:]))))
