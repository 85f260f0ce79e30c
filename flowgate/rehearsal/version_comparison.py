"""Two versions of LiteLLM side by side: promises, start time, memory, processor time. Pure functions."""

from __future__ import annotations

from flowgate.rehearsal.summary import counted
from flowgate.rehearsal.version_record import Rehearsed, VersionRecord

NOT_KNOWN = "-"


def recorded_broken(record: VersionRecord) -> list[str]:
    """Return the broken promises of a record, each with its profile.

    Args:
        record: The record.
    """
    seen: dict[str, str] = {}
    found: list[str] = []
    for name, one in record.profiles.items():
        if seen.setdefault(one.settings, name) == name:
            found += [f"{name}, {text}" for text in one.broken]
    return found


def compare(old: VersionRecord | None, new: VersionRecord, in_force: str, source: str) -> list[list[str]]:
    """Return a table: a header, a row for each profile, and a row for each figure.

    Args:
        old: What is known of the version in force; None if nothing is.
        new: What was rehearsed of the other one.
        in_force: The version in force.
        source: Where the figures of the version in force come from.
    """
    known = old or VersionRecord()
    heading = f"{in_force} ({source})" if source else in_force
    rows = [["", heading, new.litellm]]
    for name, one in new.profiles.items():
        before = known.profiles.get(name)
        same = before if before and before.written == one.written and before.scenarios == one.scenarios else None
        rows.append([f"profile {name}", _promises(same), _promises(one)])
    rows.append(["start, files in memory", _start(known), _start(new)])
    rows.append(["memory", _memory(known), _memory(new)])
    rows.append(["CPU per request", _cpu(known), _cpu(new)])
    return rows


def _promises(one: Rehearsed | None) -> str:
    if one is None:
        return "not rehearsed"
    return counted(one.promises, one.kept, len(one.broken))


def _start(record: VersionRecord) -> str:
    return f"{record.figures['start_seconds']:.1f} s" if record.figures else NOT_KNOWN


def _memory(record: VersionRecord) -> str:
    return f"{record.figures['memory_bytes'] / 1e6:.0f} MB" if record.figures else NOT_KNOWN


def _cpu(record: VersionRecord) -> str:
    return f"{record.figures['cpu_seconds'] * 1e3:.1f} ms" if record.figures else NOT_KNOWN
