"""Compare one promise with one figure. Pure; rehearsals and audits of live traffic use the same functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from flowgate.gateway import unmodelled
from flowgate.gateway.promises import Promises

KEPT, BROKEN, CANNOT = "kept", "broken", "cannot"
# The promises.
FROM_A_VENDOR = "every answer comes from a vendor"
ANSWERED, CLIENT_ERROR = "every request is answered", "the client gets an error"
ATTEMPTS, ATTEMPTS_PER_MINUTE = "attempts on the primary per request", "attempts on the failed primary per minute"
COOLDOWN, NO_DELAY = "cooldown", "no delay during the cooldown"
LONGEST_WAIT, RETURN = "longest wait", "the primary serves again"
TOUCHED = {  # what depends on a topic
    unmodelled.COOLDOWNS: (ATTEMPTS, ATTEMPTS_PER_MINUTE, COOLDOWN, LONGEST_WAIT, RETURN),
    unmodelled.ATTEMPTS: (ATTEMPTS, ATTEMPTS_PER_MINUTE, LONGEST_WAIT),
    unmodelled.WAITS: (LONGEST_WAIT, NO_DELAY),
}
DELAY_FACTOR = 1.2  # how much longer than a healthy response one may take during a cooldown
RETURN_SLACK_SECONDS = 10.0  # after the end of the cooldown, until the primary serves again


class Comparison(NamedTuple):
    """A promise beside what was observed.

    Attributes:
        promise: One of the promises above.
        promised: What was promised.
        observed: What was observed.
        verdict: `KEPT`, `BROKEN` or `CANNOT`.
    """

    promise: str
    promised: str
    observed: str
    verdict: str


def judge(kept: bool) -> str:
    """Return the verdict on a promise."""
    return KEPT if kept else BROKEN


def answered(count: int, total: int) -> Comparison:
    """Compare the requests that were answered with all of them.

    Args:
        count: Requests that were answered.
        total: Requests that some model could answer.
    """
    return Comparison(ANSWERED, f"{total} of {total}", f"{count} of {total}", judge(count == total))


def allowed_attempts(promises: Promises, kind: str, at_vendor: int = 1) -> int:
    """Return how many attempts on one model one request may make.

    Args:
        promises: The promises.
        kind: The kind of failure; empty for none.
        at_vendor: Attempts at the vendor for each one of LiteLLM.
    """
    return at_vendor * (1 + promises.retries.get(kind, 0))


def attempts(allowed: int, most: int) -> Comparison:
    """Compare the most attempts that one request made on one model.

    Args:
        allowed: See `allowed_attempts`.
        most: What was observed.
    """
    return Comparison(ATTEMPTS, f"at most {allowed}", str(most), judge(most <= allowed))


def cooldown(after: int, failed: int, was_skipped: bool) -> Comparison:
    """Compare how many requests failed before one did not reach the failed model.

    Args:
        after: Failed requests that start a cooldown.
        failed: Failed requests before the first one that did not reach it, or all if every request did.
        was_skipped: One did not reach it.
    """
    if was_skipped:
        found = f"after {failed}" if failed else "no request reached the primary"
        kept = 0 < failed <= after
    else:
        found, kept = f"not within {failed}", failed < after
    promised = f"within {after} failed request{'s' if after > 1 else ''}"
    return Comparison(COOLDOWN, promised, found, judge(kept))


def delay(healthy_seconds: float, later: Sequence[float], slack_seconds: float) -> Comparison:
    """Compare the delay of answers during a cooldown with that of healthy ones.

    Args:
        healthy_seconds: Median of healthy ones.
        later: During the cooldown; at least one.
        slack_seconds: What a loaded machine may add.
    """
    allowed, found = DELAY_FACTOR * healthy_seconds + slack_seconds, median(later)
    return Comparison(NO_DELAY, f"at most {allowed:.2f} s", f"{found:.2f} s", judge(found <= allowed))


def allowed_per_minute(promises: Promises, kind: str, at_vendor: int = 1, named_seconds: float | None = None) -> int:
    """Return how many attempts a failed deployment may get in a minute.

    Args:
        promises: The promises; with cooldowns.
        kind: The kind of failure.
        at_vendor: Attempts at the vendor for each one of LiteLLM.
        named_seconds: The cooldown that the vendor asks for; None if it does not.
    """
    seconds, after = promises.cooldown_seconds, promises.cooldown_after or 1
    shortened = min(1.0, (named_seconds or seconds) / max(seconds, 1.0))  # Retry-After wins over the profile's cooldown
    cooldowns = math.ceil(math.ceil(60 / max(seconds, 1.0)) / shortened)
    tries = 1 + promises.retries.get(kind, 0)
    return at_vendor * cooldowns * ((after - 1) * tries + 1)


def attempts_per_minute(allowed: int, most: int) -> Comparison:
    """Compare the attempts on a failed model in the worst minute.

    Args:
        allowed: See `allowed_per_minute`.
        most: What was observed.
    """
    return Comparison(ATTEMPTS_PER_MINUTE, f"at most {allowed}", str(most), judge(most <= allowed))


def busiest(counted: Sequence[tuple[float, int]], window_seconds: float) -> int:
    """Return the number of attempts in the busiest time window.

    Args:
        counted: Time and number of attempts, in the order of time.
        window_seconds: Length of the window.
    """
    most = inside = first = 0
    for at, count in counted:
        inside += count
        while counted[first][0] <= at - window_seconds:
            inside -= counted[first][1]
            first += 1
        most = max(most, inside)
    return most


def longest_wait(allowed_seconds: float, longest_seconds: float) -> Comparison:
    """Compare the longest wait with the one promised.

    Args:
        allowed_seconds: What is promised, and what answers and a loaded machine may add.
        longest_seconds: What was observed.
    """
    verdict = judge(longest_seconds <= allowed_seconds)
    return Comparison(LONGEST_WAIT, f"at most {allowed_seconds:.2f} s", f"{longest_seconds:.2f} s", verdict)


def returned(cooldown_seconds: float, back: float | None) -> Comparison:
    """Compare when the failed model serves again.

    Args:
        cooldown_seconds: Length of the cooldown.
        back: Seconds until then; None if it did not come back.
    """
    allowed = cooldown_seconds + RETURN_SLACK_SECONDS
    found = "never" if back is None else f"after {back:.1f} s"
    return Comparison(RETURN, f"within {allowed:.1f} s", found, judge(back is not None and back <= allowed))


def why_unknown(promise: str, unknown: Mapping[str, str]) -> str:
    """Return why a promise is not known; empty if it is.

    Args:
        promise: The promise.
        unknown: Topic of `gateway.unmodelled` → the setting that makes it unknown.
    """
    for topic, touched in TOUCHED.items():
        if topic in unknown and promise in touched:
            return f"{unknown[topic]} changes {topic}"
    return ""
