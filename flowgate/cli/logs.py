"""What was: the event log and the services' logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.session import Session, open_session
from flowgate.errors import InvalidValue, UnknownName, UsageError
from flowgate.gateway.litellm import MASTER_KEY
from flowgate.system import files
from flowgate.system.clock import Clock

FOLLOW_SECONDS = 0.25
ONE_DAY = 86400
UNITS = {"s": 1, "m": 60, "h": 3600, "d": ONE_DAY}


def events(config: str, lines: int, follow: bool, service: str, event: str, since: str, as_json: bool) -> int:
    """Print the event log: newest last, one line each; with `--json` the lines as they are stored."""
    session = open_session(config)
    path = session.config.paths.runtime_dir / "events.log"
    earliest = _earliest(since)

    def chosen(line: str) -> list[str]:
        try:
            one = json.loads(line)
        except ValueError:
            console.note(f"warning: {path} holds a damaged line: {line[:80]!r}")
            return []
        if (service and one.get("service") != service) or (event and one.get("event") != event):
            return []
        return [] if str(one.get("timestamp", "")) < earliest else [line if as_json else _readable(one)]

    def show(line: str) -> None:
        for text in chosen(line):
            console.data(text)

    within = 100_000 if service or event or since else lines
    found = [text for line in files.tail(path, within) for text in chosen(line)]
    for text in found[max(0, len(found) - lines) :]:
        console.data(text)
    return _follow(path, show) if follow else 0


def _readable(one: dict[str, str]) -> str:
    parts = [one.get("timestamp", ""), f"{one.get('event', ''):<18}", f"{one.get('result', ''):<7}"]
    parts += [one.get(key, "") for key in ("service", "profile", "provider", "detail") if one.get(key)]
    return " ".join(parts)


def _earliest(since: str) -> str:
    """Turn `--since` into a timestamp to compare with: "10m", "2h", "1d", or a timestamp as it is written."""
    if not since:
        return ""
    if since[-1] in UNITS and since[:-1].isdigit():
        from datetime import timedelta

        from flowgate.system.clock import stamp

        return stamp(Clock().wall() - timedelta(seconds=int(since[:-1]) * UNITS[since[-1]]))
    if len(since) >= 10 and since[4] == "-":
        return since
    raise InvalidValue(
        "since", found=since, wanted="a length of time (10m, 2h, 1d) or a timestamp (2026-01-31T12:00:00Z)"
    )


def logs(config: str, service: str, lines: int, follow: bool) -> int:
    """Print the last lines of a service's log."""
    session = open_session(config)
    path = log_path(session, service)
    if not path.is_file():
        console.note(f"{service} has no log yet ({path}); it has not been started")
        return 0
    for line in files.tail(path, lines):
        console.data(line)
    return _follow(path, console.data) if follow else 0


def key_path(config: str) -> int:
    """Print where the gateway's key lies."""
    session = open_session(config)
    if session.environment.get(MASTER_KEY):
        what = f"the gateway's key is the variable {MASTER_KEY} of your environment; no file holds it"
        raise UsageError(what, fix=f"clients use ${MASTER_KEY}")
    path = session.config.paths.runtime_dir.parent / "secrets" / "litellm-master-key"
    if not path.is_file():
        raise UsageError(f"there is no key at {path} yet", fix="inv up makes one")
    console.data(str(path))
    return 0


def log_path(session: Session, service: str) -> Path:
    """Say where a service's log lies; "keeper" names the keeper's own."""
    if service == "supervisor":
        return session.config.paths.log_file
    if service not in session.config.services:
        raise UnknownName("service", service, known=[*session.config.services, "supervisor"])
    return session.config.paths.runtime_dir / "process-logs" / f"{service}.log"


def _follow(path: Path, show: Callable[[str], None]) -> int:
    """Print what is added, until Ctrl-C; a file that was cut or replaced is read from its start."""
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
