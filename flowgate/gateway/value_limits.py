"""Between which numbers a setting of LiteLLM makes sense; LiteLLM declares no limits.

Source: LiteLLM 1.106.2, measured on its router: a `timeout` or `cooldown_time` of 0 counts as not set (6000 s and 5 s);
a negative `timeout` or `cooldown_time` makes requests fail, or no model goes into cooldown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 10**7  # seconds
LARGEST = 10**15
MOST_RETRIES = 100
DURATIONS = re.compile(
    r"timeout$|timeout_by_|_seconds$|_ttl$|^ttl$|_interval$|^cooldown_time$|^retry_after$|_staleness_threshold$"
)
RETRIES = re.compile(r"^(num|max)_retries$|^num_retries_per_request$|Retries$")
COUNTS = re.compile(
    r"^allowed_fails$|AllowedFails$|^max_fallbacks$|^[io]?[rt]pm$|max_parallel_requests$|^weight$|max_budget$"
)
ZERO_COOLDOWN = "LiteLLM takes 0 as not set and uses 5 s; for no cooldowns write disable_cooldowns: true"
ABOVE_ZERO = ("timeout", "stream_timeout", "request_timeout")


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest and the largest number that make sense.

    Attributes:
        low: The smallest number.
        high: The largest number.
        above: The number must be larger than `low`.
        zero: What to do about 0, if LiteLLM takes it as "not set".
        instead: What LiteLLM takes 0 for, if 0 is accepted and is not 0 for it.
    """

    low: int
    high: int
    above: bool = False
    zero: str = ""
    instead: float | None = None

    @property
    def phrase(self) -> str:
        """The limits in words."""
        if self.low < 0:
            return ""
        return f" above 0, at most {self.high}" if self.above else f" from {self.low} to {self.high}"

    @property
    def fix_of_none(self) -> str:
        """What to do where no number was meant."""
        return "remove it for LiteLLM's default"

    def contain(self, value: float) -> bool:
        """Return whether a number is within the limits."""
        return (self.low < value if self.above else self.low <= value) and value <= self.high

    def advice(self, value: float) -> str:
        """Return what to do about a number outside the limits."""
        if value == 0 and self.zero:
            return self.zero
        return f"write at most {self.high}" if value > self.high else self.fix_of_none


def is_duration(name: str) -> bool:
    """Return whether a number of this name is a number of seconds."""
    return bool(DURATIONS.search(name))


def limits(name: str, *, in_router: bool = False) -> Limits:
    """Return the limits of a number.

    Args:
        name: The setting's name.
        in_router: The setting is one of the router.
    """
    if name in ABOVE_ZERO:
        return Limits(0, LONGEST, above=True, zero="LiteLLM takes 0 as not set; write a number of seconds")
    if name == "cooldown_time" and in_router:
        return Limits(0, LONGEST, zero=ZERO_COOLDOWN, instead=5)
    if RETRIES.search(name):
        return Limits(0, MOST_RETRIES)
    if is_duration(name):
        return Limits(0, LONGEST)
    return Limits(0 if COUNTS.search(name) else -LARGEST, LARGEST)
