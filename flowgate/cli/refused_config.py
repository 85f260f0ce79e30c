"""A changed config that cannot serve: the one before serves on, and commands that report go by that one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.config_place import wanted_configs
from flowgate.cli.session import Session, open_session
from flowgate.errors import UsageError
from flowgate.supervisor import config_record, daemon_process, stacks


class RefusedConfig(TypedDict):
    """A refused config; docs/json.md describes the keys."""

    reason: str
    since: str


def open_serving(typed: str) -> tuple[Session, RefusedConfig | None]:
    """Open the config that serves: the one in use, or the one before it if that cannot be applied.

    Args:
        typed: Path after `--config`; empty to search for the config.

    Returns:
        The session, and why the config in use does not serve; None if it does.

    Raises:
        UsageError: The config in use is wrong, and nothing serves that was started with it.
    """
    try:
        session = open_session(typed)
    except UsageError as error:
        found = _kept(wanted_configs(typed), error)
        if found is None:
            raise
        return found
    supervisor = daemon_process.find(session.config.paths.runtime_dir)
    if supervisor is not None:
        return session, _recorded(session.config.paths.runtime_dir) if daemon_process.is_foreground(
            supervisor
        ) else None
    return _kept([session.config.file, *wanted_configs(typed)], None) or (session, None)


def serving_instead(typed: str, error: UsageError) -> tuple[Session, RefusedConfig] | None:
    """Return the config that serves in place of one that is wrong; None if none does.

    Args:
        typed: Path after `--config`; empty to search for the config.
        error: What is wrong.
    """
    return _kept(wanted_configs(typed), error)


def print_replaced(refused: RefusedConfig) -> None:
    """Print that what follows goes by the config that serves.

    Args:
        refused: Why not by the one in use.
    """
    console.note(f"warning: the config is wrong, this goes by the one that serves: {refused['reason']}")


def _recorded(runtime: Path) -> RefusedConfig | None:
    """Return why `run` has refused the config as it is now; None if it has not, or if it has changed since."""
    record = config_record.load(runtime)
    if not record.refused or config_record.digests(map(Path, record.files)) != record.files:
        return None
    return RefusedConfig(reason=record.refused, since=record.since)


def _kept(files: Iterable[Path], error: UsageError | None) -> tuple[Session, RefusedConfig] | None:
    """Find the gateway that serves an earlier state of a config.

    Args:
        files: Where the config is.
        error: What is wrong with it; None if it can be read.
    """
    from flowgate.cli import kept_config, watched_config

    wanted = {str(one) for one in files}
    for stack in stacks.running(ask=False):
        if stack.config not in wanted or stack.supervisor is None:
            continue
        refused = _recorded(stack.runtime)
        if refused is None and error is not None:
            refused = RefusedConfig(reason=watched_config.describe(error), since="")
        session = kept_config.in_force(stack.runtime)
        if session is not None and refused is not None:
            return session, refused
    return None


def print_refused(refused: RefusedConfig | None, session: Session) -> None:
    """Print that the config in use does not serve, and why.

    Args:
        refused: Why; None if it serves.
        session: The session of the config that serves.
    """
    if refused is None:
        return
    supervisor = daemon_process.find(session.config.paths.runtime_dir)
    if supervisor is None or not daemon_process.is_foreground(supervisor):
        console.note(f"warning: the config is wrong, the one before it serves: {refused['reason']}")
        console.note(console.spell_commands("  fix: correct it, then inv service.reload applies it"))
    else:
        since = f" since {refused['since']}" if refused["since"] else ""
        console.note(f"warning: the config is refused{since}, the one before it serves: {refused['reason']}")
        console.note(
            "  fix: correct it; `run --watch` applies it then, without --watch: kill -HUP, or systemctl reload"
        )
