"""What the keeper writes down: its own log, and the service events."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable
from pathlib import Path

from flowgate.domain import Program
from flowgate.supervisor.service_state import Note
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

EVENTS = {
    "serving": ("service_start", "ok"),
    "failed": ("service_start", "failed"),
    "stopped": ("service_stop", "ok"),
    "crashed": ("service_exit", "failed"),
    "revived": ("service_restart", "ok"),
}
LARGEST_LOG = 10_000_000  # bytes of one process log
KEPT_LOGS = 3


class Journal:
    """Append to the keeper's log and to the event log; a full disk loses lines, never the gateway."""

    def __init__(self, log_file: Path, events_file: Path) -> None:
        self.log_file, self.events_file = log_file, events_file

    def say(self, text: str) -> None:
        """Write one line into the keeper's own log."""
        files.append_line(self.log_file, f"{stamp(Clock().wall())} keeper: {text}")

    def bug(self, bug: BaseException) -> None:
        """Write a traceback into the keeper's own log."""
        for line in traceback.format_exception(bug):
            self.say(line.rstrip())

    def write(self, service: str, note: Note, program: Program | None) -> None:
        """Write down what a seat noted; in the event log too, where it is an event."""
        self.say(f"{service} {note.number}: {note.what}{': ' + note.detail if note.detail else ''}")
        if note.what not in EVENTS:
            return
        event, result = EVENTS[note.what]
        line = {
            "event": event,
            "service": service,
            "profile": program.labels.get("profile", "") if program else "",
            "provider": "",
            "result": result,
            "detail": f"generation {note.number}{': ' + note.detail if note.detail else ''}",
            "timestamp": stamp(Clock().wall()),
        }
        files.append_line(self.events_file, json.dumps(line, ensure_ascii=False))

    def rotate(self, logs: Iterable[Path]) -> None:
        """Cut the process logs that have grown too large."""
        for log in logs:
            files.rotate_in_place(log, LARGEST_LOG, KEPT_LOGS)
