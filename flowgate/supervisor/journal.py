"""The supervisor's own log, and its events in the event log."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable
from pathlib import Path

from flowgate.domain import Program
from flowgate.supervisor.budget_rules import BudgetEvent
from flowgate.supervisor.service_state import Note
from flowgate.system import files, streams
from flowgate.system.clock import Clock, stamp

EVENTS = {
    "serving": ("service_start", "ok"),
    "failed": ("service_start", "failed"),
    "stopped": ("service_stop", "ok"),
    "crashed": ("service_exit", "failed"),
    "respawned": ("service_restart", "ok"),
}
MAX_LOG_BYTES = 10_000_000  # of one process log
KEPT_LOGS = 3


class Journal:
    """Writes the supervisor's log and its events; a full disk loses lines and nothing else."""

    def __init__(self, log_file: Path, events_file: Path, *, echo: bool = False) -> None:
        """Create it.

        Args:
            log_file: The supervisor's log.
            events_file: The event log.
            echo: Write each line of the log to stderr too, for a service manager or a person.
        """
        self.log_file, self.events_file, self._echo = log_file, events_file, echo

    def log(self, text: str) -> None:
        """Write one line into the supervisor's log."""
        files.append_line(self.log_file, f"{stamp(Clock().wall())} supervisor: {text}")
        if self._echo:
            streams.write_error(f"supervisor: {text}\n")

    def log_traceback(self, error: BaseException) -> None:
        """Write a traceback into the supervisor's log."""
        for line in traceback.format_exception(error):
            self.log(line.rstrip())

    def write(self, service: str, note: Note, program: Program | None) -> None:
        """Write a note into the log, and into the event log when it is an event."""
        self.log(f"{service} {note.number}: {note.what}{': ' + note.detail if note.detail else ''}")
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

    def write_budget(self, service: str, what: BudgetEvent, profile: str) -> None:
        """Write what happened to a budget into the log and the event log.

        Args:
            service: The service whose requests are counted.
            what: What happened.
            profile: The profile in force.
        """
        self.log(f"budget: {what.what}: {what.detail}")
        line = {"event": "budget", "service": service, "profile": profile, "provider": "", "result": what.what}
        self._write_event(line, what.detail)

    def write_quota(self, service: str, provider: str, result: str, detail: str) -> None:
        """Write that a limit of an account comes near, or is reached, into the log and the event log.

        Args:
            service: The service that uses the account.
            provider: The account's provider.
            result: What happened: warn or exhausted.
            detail: The account, its limit and when that ends.
        """
        self.log(f"quota: {result}: {detail}")
        line = {"event": "quota_warning", "service": service, "profile": "", "provider": provider, "result": result}
        self._write_event(line, detail)

    def write_config(self, result: str, detail: str) -> None:
        """Write that a changed config serves, or was refused, into the log and the event log.

        Args:
            result: What happened: ok or refused.
            detail: Why, in words.
        """
        self.log(f"config: {result}{f': {detail}' if detail else ''}")
        line = {"event": "config_reload", "service": "", "profile": "", "provider": "", "result": result}
        self._write_event(line, detail)

    def _write_event(self, line: dict[str, str], detail: str) -> None:
        text = json.dumps({**line, "detail": detail, "timestamp": stamp(Clock().wall())}, ensure_ascii=False)
        files.append_line(self.events_file, text)

    def rotate(self, logs: Iterable[Path]) -> None:
        """Rotate the process logs that have grown too large."""
        for log in logs:
            files.rotate_in_place(log, MAX_LOG_BYTES, KEPT_LOGS)
