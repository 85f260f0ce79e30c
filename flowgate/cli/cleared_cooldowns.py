"""Cooldowns that a person has ended: written to the event log by `cooldowns --clear`, read by `audit`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flowgate.cli.cooldown_rows import Row
from flowgate.cli.event_log import FILTERED_LINES, read_event
from flowgate.system import files, own_process
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from flowgate.audit.result import ClearedCooldown
    from flowgate.cli.session import Session

EVENT = "cooldown_clear"


def record(session: Session, before: Iterable[Row], after: Iterable[Row], profile: str) -> None:
    """Append an event for each cooldown that is not there any more; a full disk loses it.

    Args:
        session: The config.
        before: The cooldowns that were to be ended.
        after: The cooldowns that there are now.
        profile: The profile that serves.
    """
    user, left = own_process.own_user(), {_key(row) for row in after}
    for row in (row for row in before if _key(row) not in left):
        about = {"event": EVENT, "service": row["by"], "profile": profile, "provider": "", "result": "ok"}
        line = {**about, "detail": f"{_describe(row)}; ended by {user}", "timestamp": stamp(Clock().wall())}
        files.append_line(session.config.paths.runtime_dir / "events.log", json.dumps(line, ensure_ascii=False))


def read(session: Session, since: str, until: str) -> list[ClearedCooldown]:
    """Return the cooldowns that people ended in a span, oldest first.

    Args:
        session: The config.
        since: Beginning of the span (RFC 3339).
        until: Its end.
    """
    lines = files.tail(session.config.paths.runtime_dir / "events.log", FILTERED_LINES)
    found = (read_event(line) for line in lines if EVENT in line)
    return [
        {"at": one["timestamp"], "service": one.get("service", ""), "detail": one.get("detail", "")}
        for one in found
        if one is not None and one["event"] == EVENT and since <= one.get("timestamp", "") <= until
    ]


def _key(row: Row) -> tuple[str, str, str, str]:
    return row["by"], row["deployment"], row["address"], row["since"]


def _describe(row: Row) -> str:
    """Return which cooldown it was, and what was left of it."""
    at = f" at {row['address']}" if row["address"] else ""
    left = "its end was not reported" if row["seconds_left"] is None else f"{row['seconds_left']:.0f} s were left"
    since = f" since {row['since']}" if row["since"] else ""
    return (
        f"{', '.join(row['models']) or '-'} ({row['deployment']}{at}) after {row['why'] or 'an error'}{since}: {left}"
    )
