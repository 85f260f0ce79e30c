"""The command `run`: the supervisor in the foreground, for systemd, containers and tmux."""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

from flowgate.cli import console
from flowgate.cli.run_playbook import check_profile
from flowgate.cli.session import Session, open_session
from flowgate.errors import EnvironmentFailure

CHILD = "flowgate.cli.run"


def run(config: str, profile: str) -> NoReturn:
    """Become the supervisor, which brings the services up and stays.

    Args:
        config: Path after `--config`; empty to search for the config.
        profile: The profile; empty for the active one.

    Raises:
        UsageError: The config or the profile is wrong. Nothing was changed.
        EnvironmentFailure: Another `run` of this config stays in the foreground.
    """
    from flowgate.supervisor import daemon_process
    from flowgate.supervisor.protocol import FOREGROUND
    from flowgate.system import exec_program, files

    session = open_session(config)
    check_profile(session, profile)
    paths = session.config.paths
    files.make_private_folder(paths.runtime_dir / "run")
    files.make_private_folder(paths.log_file.parent)
    _take_over(session)
    typed = str(session.named.value) if session.named.by == "typed" else ""
    child = (sys.executable, "-P", "-m", CHILD, typed, profile)
    daemon = (sys.executable, "-P", "-m", daemon_process.DAEMON, str(paths.runtime_dir), str(paths.log_file))
    exec_program.execute([*daemon, FOREGROUND, *child], session.environment)


def _take_over(session: Session) -> None:
    """Replace a supervisor that commands have started: what serves under it serves on."""
    from flowgate.supervisor import daemon_process

    try:
        taken = daemon_process.take_over(session.config.paths.runtime_dir)
    except EnvironmentFailure as error:
        raise EnvironmentFailure(f"this gateway runs already: {error.what}", fix=error.fix) from None
    if taken is not None:
        console.note(f"note: the gateway runs already; its supervisor (pid {taken}) is replaced, its services serve on")


def work(typed: str, profile: str, doing: str) -> int:
    """Do what the supervisor in the foreground wants of its child.

    Args:
        typed: Path after `--config`; empty to search for the config.
        profile: The profile to start with; empty for the active one.
        doing: "up", or "reload", which keeps the active profile.
    """
    from flowgate.cli import play

    if doing == "reload":
        return play.reload(typed, "all", False)
    return play.run(typed, "up", {}, profile=profile)


if __name__ == "__main__":
    from flowgate.cli.entrypoint import complete, guarded

    sys.exit(complete(guarded(partial(work, *sys.argv[1:]))))
