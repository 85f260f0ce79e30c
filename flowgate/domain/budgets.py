"""Budgets: what may be spent and asked in a day and in a month; days and months are those of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

STATE_FILE = "budgets.json"  # in the runtime folder: what is exhausted now
CHOSEN_FILE = "profile-chosen"  # beside it: the profile that a person has set since the last check
WARN_AT = 80
WARN, REFUSE = "warn", "refuse"
DAILY_USD, MONTHLY_USD, REQUESTS_PER_DAY = "daily_usd", "monthly_usd", "requests_per_day"
LIMITS = (DAILY_USD, MONTHLY_USD, REQUESTS_PER_DAY)
HOUR_SECONDS = 3600


class Budget(NamedTuple):
    """One entry of `budgets`.

    Attributes:
        name: Its name.
        client: The client that it is about; empty for all requests.
        daily_usd: US dollars in a day; None for no such limit, as in the next two.
        monthly_usd: US dollars in a calendar month.
        requests_per_day: Requests that a model was tried for.
        warn_at: Percent of a limit at which a warning is written.
        then: What happens when a limit is reached: "warn", "refuse"; empty when a profile is switched to.
        profile: The profile that is switched to; empty for none.
        count_subscriptions: Whether requests through accounts count with what they are worth by the price list.
    """

    name: str
    client: str = ""
    daily_usd: float | None = None
    monthly_usd: float | None = None
    requests_per_day: int | None = None
    warn_at: int = WARN_AT
    then: str = WARN
    profile: str = ""
    count_subscriptions: bool = False

    @property
    def act(self) -> str:
        """What happens when a limit is reached, in words of the config."""
        return f"profile: {self.profile}" if self.profile else self.then

    @property
    def consequence(self) -> str:
        """What happens when a limit is reached, as a sentence says it."""
        if self.profile:
            return f"profile {self.profile} takes over"
        return "requests are refused" if self.then == REFUSE else "nothing is refused"

    def limits(self) -> list[Limit]:
        """Return its limits."""
        amounts = ((kind, getattr(self, kind)) for kind in LIMITS)
        return [Limit(f"{self.name}.{kind}", self, kind, amount) for kind, amount in amounts if amount is not None]


class Limit(NamedTuple):
    """One limit of a budget.

    Attributes:
        id: The budget's name, a dot, and the kind.
        budget: The budget.
        kind: One of `LIMITS`.
        amount: US dollars, or requests.
    """

    id: str
    budget: Budget
    kind: str
    amount: float

    def shown(self, amount: float) -> str:
        """Return an amount in words.

        Args:
            amount: US dollars, or requests.
        """
        return f"{amount:.0f} requests" if self.kind == REQUESTS_PER_DAY else f"${amount:.2f}"


class Period(NamedTuple):
    """A day or a month of UTC, in seconds since 1970; its end is not a part of it."""

    since: float
    until: float


class BudgetPlan(NamedTuple):
    """What the supervisor needs to know about budgets.

    Attributes:
        state: The file in which it keeps what is exhausted.
        ledger: The ledger.
        config: The config, for the command that switches the profile.
        budgets: The budgets, in the order of the config.
    """

    state: Path
    ledger: Path
    config: Path
    budgets: tuple[Budget, ...]


def period(kind: str, now: float) -> Period:
    """Return the period of a limit that a time belongs to.

    Args:
        kind: One of `LIMITS`.
        now: Seconds since 1970.
    """
    at = datetime.fromtimestamp(now, UTC)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind != MONTHLY_USD:
        return Period(day.timestamp(), (day + timedelta(days=1)).timestamp())
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Period(first.timestamp(), following.timestamp())


def shown_end(until: float) -> str:
    """Return the end of a period in words: 2026-01-31 00:00 UTC.

    Args:
        until: Seconds since 1970.
    """
    return f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"
