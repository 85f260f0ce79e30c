"""What an unwelcome answer means: wait and ask again, or give up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.system.clock import Clock

PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses worth another try


class Again(Exception):
    """This try failed; another may succeed. Only `fetch` sees it.

    Attributes:
        wait: Seconds that the server asks for.
    """

    def __init__(self, error: FlowGateError, wait: float | None = None) -> None:
        super().__init__(error.what)
        self.error, self.wait = error, wait


def refuse(
    status: int, heads: Mapping[str, str], where: str, clock: Clock, longest: float, *, authorised: bool
) -> NoReturn:
    """Turn an unwelcome status into a wait, or into the end.

    Args:
        status: The answer's.
        heads: The answer's.
        where: The address, for people.
        longest: Seconds that we are ready to wait.
        authorised: A token was shown.

    Raises:
        Again: See the message.
        EnvironmentFailure: See the message.
    """
    wait = _asked_wait(heads, clock)
    limited = status == 429 or (status == 403 and (wait is not None or heads.get("x-ratelimit-remaining") == "0"))
    if limited:
        fix = "try again later" if authorised else "try again later, or export GITHUB_TOKEN=… for a larger allowance"
        error = EnvironmentFailure(f"{where} answered {status}: too many questions", fix=fix)
    else:
        error = EnvironmentFailure(f"{where} answered {status}", fix=_hint(status, authorised))
    if status not in PASSING and not limited:
        raise error
    if wait is not None and wait > longest:
        raise EnvironmentFailure(f"{error.what}; it asks to wait {wait:.0f} s", fix=error.fix)
    raise Again(error, wait)


def _hint(status: int, authorised: bool) -> str:
    if status == 401 and authorised:
        return "GITHUB_TOKEN is not accepted: unset it, or set one that is valid"
    return "try again later"


def _asked_wait(heads: Mapping[str, str], clock: Clock) -> float | None:
    """Give the seconds that a server asks us to wait; None when it does not.

    Source: RFC 9110, 10.2.3: seconds or a date; GitHub: `x-ratelimit-reset`, seconds since 1970
    """
    after, reset = heads.get("retry-after", "").strip(), heads.get("x-ratelimit-reset", "")
    if after.isdigit():
        return float(after)
    moment = None
    if after:
        try:
            moment = parsedate_to_datetime(after)
        except ValueError:
            return None
    elif heads.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        moment = datetime.fromtimestamp(int(reset[:12]), UTC)
    if moment is None:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.wall()).total_seconds())
