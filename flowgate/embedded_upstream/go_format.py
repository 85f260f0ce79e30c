"""Values and errors as text, in the format of Go's standard library."""

from __future__ import annotations

from datetime import UTC, datetime


def duration(seconds: float) -> str:
    """Format seconds as Go does: `1s`, `30m0s`, `12h0m0s`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, last = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{last}s"
    return f"{minutes}m{last}s" if minutes else f"{last}s"


def timestamp(moment: datetime | None = None) -> str:
    """Format a moment in UTC, by default the present one, with microseconds and `Z`."""
    return (moment or datetime.now(UTC)).isoformat().replace("+00:00", "Z")


def json_error(data: bytes) -> str:
    """Describe what is wrong with invalid JSON; only errors in the first few characters are distinguished."""
    text = data.decode(errors="replace").strip()
    if not text:
        return "unexpected end of JSON input"
    if text[0] == "{" and len(text) > 1:
        return f"invalid character '{text[1:].lstrip()[:1]}' looking for beginning of object key string"
    return f"invalid character '{text[0]}' looking for beginning of value"
