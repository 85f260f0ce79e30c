"""The commands `service logs` and `key path`: the services' logs, where the key is."""

from __future__ import annotations

from pathlib import Path

from flowgate.cli import console
from flowgate.cli.follow import follow_file
from flowgate.cli.session import Session, open_session
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway.litellm import MASTER_KEY
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
    session = open_session(config)
    path = log_path(session, service)
    if not path.is_file():
        console.note(f"{service} has not been started: it has no log yet ({path})")
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
        UsageError: The key is a variable of the environment, or does not exist yet.
    """
    session = open_session(config)
    if session.environment.get(MASTER_KEY):
        what = f"the gateway's key is the environment variable {MASTER_KEY}, not a file"
        raise UsageError(what, fix=f"use ${MASTER_KEY} in clients")
    path = session.config.paths.runtime_dir.parent / "secrets" / "litellm-master-key"
    if not path.is_file():
        raise UsageError(f"the gateway's key does not exist yet ({path})", fix="inv up")
    if as_json:
        console.document({"path": str(path)})
    else:
        console.data(str(path))
    return 0


def log_path(session: Session, service: str) -> Path:
    """Return the path of a service's log, or of the supervisor's.

    Raises:
        UnknownName: There is no such service.
    """
    if service == "supervisor":
        return session.config.paths.log_file
    if service not in session.config.services:
        raise UnknownName("service", service, known=[*session.config.services, "supervisor"])
    return session.config.paths.runtime_dir / "process-logs" / f"{service}.log"
