"""Which credential gets the next request, and how long one that failed is in cooldown.

Source: v6.8.16-0 and 7.2.101-1, run with a failing vendor behind them (`tests/contract/data/*.flows.json`)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

HALF_HOUR = 1800.0
TWELVE_HOURS = 43200.0
MINUTE = 60.0
TRANSIENT = (408, 500, 502, 503, 504)
QUOTA = 429


@dataclass(slots=True)
class Cooldown:
    """The cooldown of one model of a credential.

    Attributes:
        until: End on the monotonic clock; 0 for no cooldown.
        status: Status of the vendor's last failure.
        quota_failures: Number of 429 responses in a row.
    """

    until: float = 0.0
    status: int = 0
    quota_failures: int = 0


@dataclass(slots=True)
class Cooldowns:
    """The cooldowns of one credential, by model."""

    by_model: dict[str, Cooldown] = field(default_factory=dict)

    def succeed(self, model: str) -> None:
        """Forget the failures of a model."""
        self.by_model.pop(model, None)

    def fail(self, model: str, status: int, now: float, *, enabled: bool, newer: bool) -> bool:
        """Record a failure.

        Args:
            model: The model that was requested.
            status: The vendor's status; 0 if it was not reached, which starts no cooldown.
            now: The monotonic clock.
            enabled: False if `disable-cooling` is set. The older line applies cooldowns for 401 to 404 all the same.
            newer: Whether the rules of the newer line apply.

        Returns:
            Whether the model is in cooldown now.
        """
        cooldown = self.by_model.setdefault(model, Cooldown())
        seconds = _seconds(status, cooldown.quota_failures)
        if not enabled and (newer or status == QUOTA or status in TRANSIENT):
            seconds = 0.0
        cooldown.status = status
        cooldown.until = now + seconds if seconds else 0.0
        cooldown.quota_failures += status == QUOTA
        return seconds > 0

    def seconds_left(self, model: str, now: float) -> float:
        """Return the remaining cooldown of a model; 0 if there is none."""
        cooldown = self.by_model.get(model)
        return max(0.0, cooldown.until - now) if cooldown else 0.0

    def status(self, model: str) -> int:
        """Return the status of a model's last failure; 0 if there is none."""
        cooldown = self.by_model.get(model)
        return cooldown.status if cooldown else 0

    def unlisted(self, model: str, now: float) -> bool:
        """Return whether the model list leaves a model out: during the cooldown after a 401."""
        return self.status(model) == 401 and self.seconds_left(model, now) > 0


def _seconds(status: int, quota_failures: int) -> float:
    if status in (401, 402, 403):
        return HALF_HOUR
    if status == 404:
        return TWELVE_HOURS
    if status == QUOTA:
        return min(2.0**quota_failures, HALF_HOUR)  # the vendor's Retry-After is ignored
    return MINUTE if status in TRANSIENT else 0.0


class Rotation:
    """Round robin per model."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}

    def pick(self, model: str, free: Sequence[str], fill_first: bool) -> str:
        """Pick one of the names: the next in turn, or with `fill_first` always the first."""
        turn = self._turns.get(model, 0)
        self._turns[model] = turn + 1
        return free[0] if fill_first else free[turn % len(free)]


def whole_seconds(seconds: float) -> int:
    """Round up to whole seconds, at least one."""
    return max(1, math.ceil(seconds))
