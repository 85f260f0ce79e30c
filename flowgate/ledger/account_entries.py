"""What a service behind the gateway says about its accounts: attempts, and limits. Plain data, without content."""

from __future__ import annotations

from typing import NamedTuple

LIMIT = "limit"
"""The window of a reading that says: the vendor refused a request because of a limit."""
EXHAUSTED = 100.0  # percent
ASSUMED_SECONDS = 3600.0  # a refusal that did not say when it ends says nothing any more after so long


class AccountRequest(NamedTuple):
    """One attempt to have an account answer; the fields are the columns of `account_requests`."""

    at: float
    account: str
    provider: str
    model: str
    status: int
    failed: bool
    seconds: float
    first_piece: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None


class QuotaReading(NamedTuple):
    """What a response said about a limit of an account; the fields are columns of `quotas`.

    Attributes:
        account: Name of the account.
        provider: Its provider.
        model: The model that the limit is about; empty: the account as a whole.
        window: "5h", "7d", …; `LIMIT`: a request was refused because of a limit.
        observed_at: When the response came, in seconds since 1970.
        used: How much of it is used, in percent.
        resets_at: When the window ends, in seconds since 1970; None: not known.
    """

    account: str
    provider: str
    model: str
    window: str
    observed_at: float
    used: float
    resets_at: float | None

    def left(self, now: float) -> float:
        """Return what is left, in percent; everything once the window has ended.

        Args:
            now: Seconds since 1970.
        """
        return EXHAUSTED if self.is_over(now) else max(0.0, EXHAUSTED - self.used)

    def is_over(self, now: float) -> bool:
        """Return whether the window that was observed has ended.

        Args:
            now: Seconds since 1970.
        """
        if self.resets_at is None:
            return self.window == LIMIT and self.observed_at + ASSUMED_SECONDS <= now
        return self.resets_at <= now


class Collected(NamedTuple):
    """What one answer of a service contained.

    Attributes:
        requests: The attempts, in order.
        readings: The limits, oldest first.
        unreadable: Records that could not be understood.
    """

    requests: tuple[AccountRequest, ...] = ()
    readings: tuple[QuotaReading, ...] = ()
    unreadable: int = 0


class Rise(NamedTuple):
    """A limit that comes near, or is reached.

    Attributes:
        reading: What was said about it.
        exhausted: Whether it is reached.
    """

    reading: QuotaReading
    exhausted: bool
