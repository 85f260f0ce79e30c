"""Which credential is asked, and how long one that failed sits out.

Source: v6.8.16-0 and 7.2.101-1, run with a misbehaving vendor behind them (`tests/contract/data/*.flows.json`)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

HALF_HOUR = 1800.0
TWELVE_HOURS = 43200.0
MINUTE = 60.0
TRANSIENT = (408, 500, 502, 503, 504)
QUOTA = 429


@dataclass(slots=True)
class Bench:
    """How one model of a credential sits out. until: on the monotonic clock; level: 429s in a row."""

    until: float = 0.0
    status: int = 0
    level: int = 0


@dataclass(slots=True)
class Benches:
    """The benches of one credential, by model."""

    by_model: dict[str, Bench] = field(default_factory=dict)

    def succeed(self, model: str) -> None:
        """Forget what failed before."""
        self.by_model.pop(model, None)

    def fail(self, model: str, status: int, now: float, cooling: bool, newer: bool) -> bool:
        """Note a failure; say whether the model is benched now.

        Args:
            status: The vendor's; 0 where it was not reached, which benches nobody.
            cooling: False where `disable-cooling` is set; the older line benches for 401, 402, 403 and 404 all the
                same.
        """
        bench = self.by_model.setdefault(model, Bench())
        seconds = self._seconds(bench, status)
        if not cooling and (newer or status == QUOTA or status in TRANSIENT):
            seconds = 0.0
        bench.status = status
        bench.until = now + seconds if seconds else 0.0
        bench.level += status == QUOTA
        return seconds > 0

    def _seconds(self, bench: Bench, status: int) -> float:
        if status in (401, 402, 403):
            return HALF_HOUR
        if status == 404:
            return TWELVE_HOURS
        if status == QUOTA:
            return min(2.0**bench.level, HALF_HOUR)  # the vendor's own Retry-After is not looked at
        return MINUTE if status in TRANSIENT else 0.0

    def left(self, model: str, now: float) -> float:
        """Say for how many more seconds a model is benched."""
        bench = self.by_model.get(model)
        return max(0.0, bench.until - now) if bench else 0.0

    def status(self, model: str) -> int:
        """Say which status benched a model."""
        bench = self.by_model.get(model)
        return bench.status if bench else 0

    def unlisted(self, model: str, now: float) -> bool:
        """Say whether a model is taken out of the list: after a 401."""
        return self.status(model) == 401 and self.left(model, now) > 0


class Rota:
    """Takes turns among what is free; the first one always with `fill-first`."""

    def __init__(self) -> None:
        self._turn: dict[str, int] = {}

    def pick(self, model: str, free: Sequence[str], fill_first: bool) -> str:
        """Pick one of the names."""
        turn = self._turn.get(model, 0)
        self._turn[model] = turn + 1
        return free[0] if fill_first else free[turn % len(free)]


def whole_seconds(seconds: float) -> int:
    """Round up to whole seconds, at least one."""
    return max(1, math.ceil(seconds))


def go_duration(seconds: float) -> str:
    """Write seconds as Go does: `1s`, `30m0s`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, last = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{last}s"
    return f"{minutes}m{last}s" if minutes else f"{last}s"


Clock = Callable[[], float]
