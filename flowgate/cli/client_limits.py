"""The limits of a client as they are typed, checked before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flowgate.cli import arguments
from flowgate.domain.client_keys import MOST, Limits
from flowgate.errors import InvalidValue, UnknownName, UsageError
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from flowgate.cli.session import Session

UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = timedelta(days=36_500)
LONGEST_PATTERN = 200


def read(session: Session, models: str, requests_per_minute: str, max_parallel: str, expires: str) -> Limits:
    """Read the limits of a client; an empty text limits nothing.

    Args:
        session: The config, whose models are known.
        models: Names or patterns, separated by commas.
        requests_per_minute: A whole number.
        max_parallel: A whole number.
        expires: A duration ("30d") or a time.

    Raises:
        UsageError: One of them cannot be used.
    """
    return Limits(
        models=_models(session, models),
        requests_per_minute=_number("requests-per-minute", requests_per_minute),
        max_parallel=_number("max-parallel", max_parallel),
        expires=expiry(expires, Clock().wall()) if expires else None,
    )


def expiry(typed: str, now: datetime) -> datetime:
    """Return when a key expires.

    Args:
        typed: A duration ("12h", "30d") or a time ("2027-01-31", UTC where it names no zone).
        now: The time.

    Raises:
        InvalidValue: Neither of them, or not in the future.
    """
    number, unit = typed[:-1], typed[-1:]
    found: datetime | None = None
    if unit in UNITS and number.isascii() and number.isdigit() and len(number) < 10:
        span = min(int(number) * UNITS[unit], int(LONGEST.total_seconds()) + 1)
        found = now + timedelta(seconds=span)
    elif len(typed) >= len("2027-01-31") and typed[4] == "-":
        try:
            moment = datetime.fromisoformat(typed)
            found = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            found = None
    if found is None or not now < found <= now + LONGEST:
        raise InvalidValue(
            "--expires", found=typed, wanted="a duration (12h, 30d) or a time in the future (2027-01-31)"
        )
    return found


def _number(flag: str, typed: str) -> int | None:
    if not typed:
        return None
    found = arguments.count(flag, typed)
    if found > MOST:
        raise InvalidValue(f"--{flag}", found=typed, wanted=f"a whole number from 1 to {MOST}")
    return found


def _models(session: Session, typed: str) -> tuple[str, ...]:
    """Return the patterns, each of which some profile's models match."""
    from flowgate.gateway import model_patterns

    found = tuple(dict.fromkeys(arguments.words(typed)))
    if typed and not found:
        raise UsageError("--models names no model", fix="leave it out to allow all of them")
    known = model_patterns.known_names(session.config)
    for pattern in found:
        if len(pattern) > LONGEST_PATTERN:
            raise UsageError(f"a name of --models is too long: {pattern[:40]}…", fix="use a pattern with *")
        if known is None or model_patterns.matches_any(pattern, known):
            continue
        if "*" in pattern:
            raise UsageError(f"no model of any profile matches '{pattern}'", fix="inv profile.show lists them")
        raise UnknownName("model", pattern, known=known)
    return found
