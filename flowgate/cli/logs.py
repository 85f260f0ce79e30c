"""The commands `service logs` and `key path`: the services' logs, where the key is."""

from __future__ import annotations

from pathlib import Path

from flowgate.cli import console, reach
from flowgate.cli.checks.permissions import secrets_folder
from flowgate.cli.follow import follow_file
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.errors import UnknownName, UsageError, raise_all
from flowgate.gateway import litellm, mistyped_references, remote_upstream, southbound
from flowgate.gateway.environment import Variables
from flowgate.system import files


def logs(config: str, service: str, lines: int, follow: bool) -> int:
    """Print the last lines of a service's log.

    Args:
        config: Path after `--config`; empty to search for the config.
        service: Name of the service, or "supervisor".
        lines: Number of lines at most.
        follow: Go on printing new lines until Ctrl-C.

    Raises:
        UnknownName: There is no such service.
    """
    session = open_to_read(config)
    path = log_path(session, service)
    if not path.is_file():
        console.note(f"{service} has not been started: it has no log yet ({path})")
        reach.print_others(session, f"service.logs {service}")
        return 0
    for line in files.tail(path, lines):
        console.data(line)
    return follow_file(path, console.data) if follow else 0


def key_path(config: str, as_json: bool = False) -> int:
    """Print the path of the gateway's key.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.

    Raises:
        UsageError: The key is a variable of the environment, is written in the config, or does not exist yet.
    """
    session = open_to_read(config)
    variable = _key_variable(session)
    if session.environment.get(variable):
        what = f"the gateway's key is the environment variable {variable}, not a file"
        raise UsageError(what, fix=f"use ${variable} in clients")
    path = Variables(session.environment, secrets_folder(session.config), files.read_text_or_none).file(variable)
    if not path.is_file():
        raise UsageError(f"the gateway's key does not exist yet ({path})", fix="inv up")
    if as_json:
        console.document({"path": str(path)})
    else:
        console.data(str(path))
    return 0


def _key_variable(session: Session) -> str:
    """Return the variable that holds the gateway's key under the active profile."""
    config, profile = session.config, session.profile().value
    raise_all(f"profile {profile}", list(mistyped_references.faults(config, profile)))
    setting = litellm.master_key_setting(config, profile)
    if setting.startswith(litellm.PREFIX):
        return setting.removeprefix(litellm.PREFIX)
    paths = [f"{root}.general_settings.master_key" for root in (f"profiles.{profile}", "litellm_base")]
    place = next((config.places[path] for path in paths if path in config.places), str(config.file))
    what = "the gateway's key is written in the config, not in a file"
    raise UsageError(what, place=place, fix=f"write {litellm.PREFIX}{litellm.MASTER_KEY} there")


def log_path(session: Session, service: str) -> Path:
    """Return the path of a service's log, or of the supervisor's.

    Raises:
        UnknownName: There is no such service.
    """
    if service == "supervisor":
        return session.config.paths.log_file
    if session.config.remote and service == southbound.NAME:
        raise remote_upstream.elsewhere(session.config, "its log is not here")
    if service not in session.config.services:
        raise UnknownName("service", service, known=[*session.config.services, "supervisor"])
    return session.config.paths.runtime_dir / "process-logs" / f"{service}.log"
