"""The command `events`: read the event log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.follow import follow_file
from flowgate.cli.open_to_read import open_to_read
from flowgate.errors import InvalidValue
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

FILTERED_LINES = 100_000  # that are searched when a filter is given
SPARE_LINES = 1_000  # that are read beyond the wanted ones, in case some cannot be read
LONGEST_LINE = 1_000_000  # characters; FlowGate writes none of this length
LONGEST_DAYS = 36_500
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FIELDS = ("event", "service", "profile", "provider", "result", "detail", "timestamp")


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

    def matches(self, found: dict[str, str]) -> bool:
        """Return whether to print an event."""
        wanted = self.service in ("", found.get("service")) and self.event in ("", found.get("event"))
        return wanted and found.get("timestamp", "") >= self.since


def events(config: str, lines: int, follow: bool, service: str, event: str, since: str, as_json: bool) -> int:
    """Print the event log, newest last; skip and count lines that are no events.

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
    wanted = EventFilter(service, event, earliest(since))
    path = open_to_read(config).config.paths.runtime_dir / "events.log"
    newest: list[dict[str, str]] = []
    unreadable = 0
    for line in reversed(files.tail(path, FILTERED_LINES if service or event or since else lines + SPARE_LINES)):
        found = read_event(line)
        unreadable += found is None
        if found is not None and wanted.matches(found):
            newest.append(found)
            if len(newest) == lines:
                break
    for one in reversed(newest):
        _print(one, as_json)
    _note_unreadable(path, unreadable)
    if not newest:
        filtered = bool(service or event or since)
        console.note(
            "no recorded event matches; inv events lists the newest" if filtered else "no event is recorded yet"
        )

    def show(line: str) -> None:
        found = read_event(line)
        if found is None:
            _note_unreadable(path, 1)
        elif wanted.matches(found):
            _print(found, as_json)

    return follow_file(path, show) if follow else 0


def read_event(line: str) -> dict[str, str] | None:
    """Read a line of the event log.

    Args:
        line: The line.

    Returns:
        The event; None if the line is not an object with an event's fields, all of them texts.
    """
    if len(line) > LONGEST_LINE:
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(name, ""), str) for name in FIELDS):
        return None
    return found if found.get("event") else None


def last_events(path: Path, most: int, spare: int = SPARE_LINES) -> list[dict[str, str]]:
    """Return the last events, newest first; lines that are no events are skipped.

    Args:
        path: The event log.
        most: How many at most.
        spare: How many more lines to read, in case some are no events.
    """
    read = map(read_event, reversed(files.tail(path, most + spare)))
    return [one for one in read if one is not None][:most]


def _note_unreadable(path: Path, count: int) -> None:
    if count:
        lines = "1 line" if count == 1 else f"{count} lines"
        console.note(f"warning: {lines} of {path} could not be read")


def _print(found: dict[str, str], as_json: bool) -> None:
    console.data(console.one_line_document(found) if as_json else _readable(found))


def _readable(found: dict[str, str]) -> str:
    parts = [found.get("timestamp", ""), f"{found.get('event', ''):<18}", f"{found.get('result', ''):<7}"]
    parts += [found.get(key, "") for key in ("service", "profile", "provider", "detail") if found.get(key)]
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in " ".join(parts))


def earliest(since: str, flag: str = "since") -> str:
    """Return the timestamp that `--since` means.

    Args:
        since: A duration before now ("10m") or a timestamp (UTC where it names no zone); empty for all events.
        flag: Name of the flag.

    Raises:
        InvalidValue: It has another form.
    """
    if not since:
        return ""
    number, unit = since[:-1], since[-1]
    if unit in UNIT_SECONDS and number.isascii() and number.isdigit() and len(number) < 12:
        seconds = int(number) * UNIT_SECONDS[unit]
        if seconds <= LONGEST_DAYS * UNIT_SECONDS["d"]:
            return stamp(Clock().wall() - timedelta(seconds=seconds))
    elif len(since) >= len("2026-01-31") and since[4] == "-":
        try:
            moment = datetime.fromisoformat(since)
            return stamp(moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC))
        except (ValueError, OverflowError):
            pass
    raise InvalidValue(
        f"--{flag}", found=since, wanted="a duration (10m, 2h, 1d) or a timestamp (2026-01-31T12:00:00Z)"
    )
