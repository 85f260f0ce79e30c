"""How long the response of a failed attempt asks to wait (`Retry-After`), as LiteLLM reads it; no other header.

Source: LiteLLM 1.106.2 and 1.108.7, `_get_response_headers` and `_get_retry_after_from_exception_header`: whole seconds
or a date, of whatever status; 0 or more is the length of a cooldown. What is in the past, or is no number, counts for
nothing.
"""

from __future__ import annotations

from email.utils import mktime_tz, parsedate_tz
from typing import Any

NONE = -1
LONGEST = 366 * 86_400  # what is kept of a longer time: no cooldown ends later in any ledger
LONGEST_TEXT = 64


def seconds(error: BaseException, now: float) -> int | None:
    """Return the seconds; `NONE` if none are asked for, None if that cannot be read.

    Args:
        error: The exception of the attempt.
        now: Seconds since 1970.
    """
    try:
        value = _header(error)
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
        return min(max(NONE, _parse(text[:LONGEST_TEXT], now)), LONGEST)
    except Exception:  # noqa: BLE001 - whatever a library's exception holds, the request must not fail by it
        return None


def _header(error: BaseException) -> object:
    response = getattr(error, "response", None)
    places = (getattr(error, "headers", None), getattr(response, "headers", None))
    headers: Any = next(filter(None, (*places, getattr(error, "litellm_response_headers", None))), {})
    return headers.get("retry-after")


def _parse(text: str, now: float) -> int:
    try:
        return int(text)
    except ValueError:
        date = parsedate_tz(text)
        return NONE if date is None else int(mktime_tz(date) - now)
