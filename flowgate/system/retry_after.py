"""Which error responses are worth another attempt, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from flowgate.errors import EnvironmentFailure
from flowgate.system.clock import Clock
from flowgate.system.download_retries import RetryableError

RETRYABLE = (408, 425, 429, 500, 502, 503, 504)


def status_error(
    status: int, headers: Mapping[str, str], where: str, clock: Clock, max_wait: float, *, authorised: bool
) -> EnvironmentFailure | RetryableError:
    """Classify an error status.

    Args:
        status: The status code.
        headers: The response's headers.
        where: The redacted URL.
        clock: The current date, for a `Retry-After` date.
        max_wait: The longest wait, in seconds, that a server may ask for.
        authorised: Whether the request had a token.

    Returns:
        RetryableError if another attempt may succeed, else the final error.
    """
    wait = _retry_after(headers, clock)
    limited = status == 429 or (status == 403 and (wait is not None or headers.get("x-ratelimit-remaining") == "0"))
    if limited:
        fix = "try again later" if authorised else "try again later, or export GITHUB_TOKEN=… for a higher rate limit"
        error = EnvironmentFailure(f"{where} returned {status}: too many requests", fix=fix)
    else:
        error = EnvironmentFailure(f"{where} returned {status}", fix=_fix(status, authorised))
    if status not in RETRYABLE and not limited:
        return error
    if wait is not None and wait > max_wait:
        return EnvironmentFailure(f"{error.what}; the server asks to wait {wait:.0f} s", fix=error.fix)
    return RetryableError(error, wait)


def _fix(status: int, authorised: bool) -> str:
    if status == 401 and authorised:
        return "GITHUB_TOKEN is not accepted: unset it, or set a valid one"
    return "try again later"


def _retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds that a server asks to wait; None if it does not.

    Source: RFC 9110, 10.2.3: seconds or a date; GitHub: `x-ratelimit-reset`, seconds since 1970
    """
    after, reset = headers.get("retry-after", "").strip(), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    moment = None
    if after:
        try:
            moment = parsedate_to_datetime(after)
        except ValueError:
            return None
    elif headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        moment = datetime.fromtimestamp(int(reset[:12]), UTC)
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.wall()).total_seconds())
