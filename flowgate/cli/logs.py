"""The commands `events`, `service logs` and `key path`: the event log, the services' logs, where the key is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.checks.permissions import secrets_folder
from flowgate.cli.session import Session, open_session
from flowgate.errors import InvalidValue, UnknownName, UsageError, raise_all
from flowgate.gateway import litellm, mistyped_references
from flowgate.gateway.environment import Variables
from flowgate.system import files
from flowgate.system.clock import Clock

FOLLOW_SECONDS = 0.25
FILTERED_LINES = 100_000  # that are searched when a filter is given
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to print; an empty text matches all.

    Attributes:
        service: Name of the service.
        event: Name of the event.
        since: The earliest timestamp.
    """

    service: str
    event: str
    since: str


def events(config: str, lines: int, follow: bool, service: str, event: str, since: str, as_json: bool) -> int:
    """Print the event log, newest last.

    Args:
        config: Path after `--config`; empty to search for the config.
        lines: Number of events at most.
        follow: Go on printing new events until Ctrl-C.
        service: Only events of this service; empty for all.
        event: Only events of this name; empty for all.
        since: Only events since then: "10m", "2h", "1d" or a timestamp; empty for all.
        as_json: Print one JSON document a line.

    Raises:
        InvalidValue: `since` has another form.
    """
    session = open_session(config)
    path = session.config.paths.runtime_dir / "events.log"
    wanted = EventFilter(service, event, _earliest(since))

    def show(line: str) -> None:
        for text in _shown(path, line, wanted, as_json):
            console.data(text)

    count = FILTERED_LINES if service or event or since else lines
    found = [text for line in files.tail(path, count) for text in _shown(path, line, wanted, as_json)]
    for text in found[max(0, len(found) - lines) :]:
        console.data(text)
    return _follow(path, show) if follow else 0


def _shown(path: Path, line: str, wanted: EventFilter, as_json: bool) -> list[str]:
    """Return what to print for a line of the event log: nothing if it is filtered out."""
    try:
        found: dict[str, str] = dict(json.loads(line))
    except (TypeError, ValueError):
        console.note(f"warning: {path} contains a damaged line: {line[:80]!r}")
        return []
    if wanted.service not in ("", found.get("service")) or wanted.event not in ("", found.get("event")):
        return []
    if str(found.get("timestamp", "")) < wanted.since:
        return []
    return [console.one_line_document(found) if as_json else _readable(found)]


def _readable(found: dict[str, str]) -> str:
    parts = [found.get("timestamp", ""), f"{found.get('event', ''):<18}", f"{found.get('result', ''):<7}"]
    parts += [found.get(key, "") for key in ("service", "profile", "provider", "detail") if found.get(key)]
    return " ".join(parts)


def _earliest(since: str) -> str:
    """Return the timestamp that `--since` means."""
    if not since:
        return ""
    if since[-1] in UNIT_SECONDS and since[:-1].isdigit():
        from datetime import timedelta

        from flowgate.system.clock import stamp

        return stamp(Clock().wall() - timedelta(seconds=int(since[:-1]) * UNIT_SECONDS[since[-1]]))
    if len(since) >= 10 and since[4] == "-":
        return since
    raise InvalidValue("since", found=since, wanted="a duration (10m, 2h, 1d) or a timestamp (2026-01-31T12:00:00Z)")


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
    return _follow(path, console.data) if follow else 0


def key_path(config: str) -> int:
    """Print the path of the gateway's key.

    Args:
        config: Path after `--config`; empty to search for the config.

    Raises:
        UsageError: The key is a variable of the environment, is written in the config, or does not exist yet.
    """
    session = open_session(config)
    variable = _key_variable(session)
    if session.environment.get(variable):
        what = f"the gateway's key is the environment variable {variable}, not a file"
        raise UsageError(what, fix=f"use ${variable} in clients")
    path = Variables(session.environment, secrets_folder(session.config), files.read_text_or_none).file(variable)
    if not path.is_file():
        raise UsageError(f"the gateway's key does not exist yet ({path})", fix="inv up")
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
    if service not in session.config.services:
        raise UnknownName("service", service, known=[*session.config.services, "supervisor"])
    return session.config.paths.runtime_dir / "process-logs" / f"{service}.log"


def _follow(path: Path, show: Callable[[str], None]) -> int:
    """Print new lines until Ctrl-C; start at the beginning of a file that was truncated or replaced."""
    clock = Clock()
    position = path.stat().st_size if path.is_file() else 0
    rest = ""
    while True:
        size = path.stat().st_size if path.is_file() else 0
        if size < position:
            position, rest = 0, ""
        if size > position:
            text, position = files.read_from(path, position)
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                show(line)
        clock.sleep(FOLLOW_SECONDS)
