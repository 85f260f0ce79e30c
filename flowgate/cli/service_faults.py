"""Faults of the gateway that commands meet first: a killed supervisor, processes that do not answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.session import Session

DASHBOARD = "dashboard"  # no service of a config: `inv dashboard` starts it


def recover_supervisor(session: Session) -> None:
    """Start a new supervisor if the last one was killed and its workers still run; print a failure and go on.

    Args:
        session: The session of this command.

    Raises:
        NotAnswering: A supervisor runs, but does not answer.
    """
    from flowgate.errors import FlowGateError, NotAnswering
    from flowgate.system.disk_errors import NO_ACCESS

    try:
        if session.supervisor.recover():
            console.note("note: the supervisor was killed; a new one has taken over its processes")
    except NotAnswering:
        raise
    except FlowGateError as error:
        if error.fix != NO_ACCESS:  # else the question that follows ends the command with the same sentence
            console.note(f"warning: {error.what}")


def print_silence(service: str, number: int, pid: int | None, silent: str) -> None:
    """Print that a generation does not answer, and what happens next.

    Args:
        service: Name of the service.
        number: Number of the generation.
        pid: Its process.
        silent: Why it does not answer; empty when it does.
    """
    if silent:
        console.note(f"error: {service}: generation {number} (process {pid}) {silent}")
        hint = f"kill -CONT {pid} lets it continue; " if "SIGSTOP" in silent else ""
        console.note(f"  fix: {hint}the supervisor replaces it after 30 s")


def unconfigured(session: Session, running: Iterable[str]) -> list[str]:
    """Return the services that run and that the config does not have any more.

    Args:
        session: The session of this command.
        running: Names of the services that run.
    """
    return sorted(set(running) - set(session.config.services))


def print_unconfigured(session: Session, running: Iterable[str]) -> None:
    """Print which services run although the config does not have them.

    Args:
        session: The session of this command.
        running: Names of the services that run, and of those in the config.
    """
    for name in unconfigured(session, [name for name in running if name != DASHBOARD]):
        console.note(f"warning: {name} runs, but the config has no services.{name}")
        console.note(f"  fix: inv service.stop --service {name}, or add it to the config")


def print_other_config(session: Session) -> None:
    """Print that the running gateway was started with another config than the one in use.

    Args:
        session: The session of this command.
    """
    services = session.supervisor.status()["services"].values()
    labels = [one["labels"] for service in services for one in service["generations"]]
    used = {one["config"] for one in labels if "config" in one}
    others = sorted(one for one in used if Path(one).resolve() != session.config.file.resolve())
    if others:
        console.note(f"warning: the gateway that runs was started with another config: {', '.join(others)}")
        console.note("  fix: inv down, then inv up")


def lost(session: Session) -> list[str]:
    """Return the generations that ended together with the supervisor: "litellm generation 3"."""
    from flowgate.supervisor import orphans

    found = orphans.ended(session.supervisor.folder)
    return [f"{record['service']} generation {record['number']}" for record in found]


def print_lost(names: list[str], profile: str) -> None:
    """Print which generations ended without a stop, and what starts them again.

    Args:
        names: What `lost` returns.
        profile: The profile that the next start uses.
    """
    if names:
        console.note(f"note: {', '.join(names)} ended without a stop: killed, or the machine restarted")
        console.note(console.spell_commands(f"  fix: inv up, which starts profile {profile}"))
