"""The judge of a rehearsal: compares what was observed in a scenario with what the profile promises.

Nothing is started here. Whoever plays a scenario hands over one `Asked` a question, in the order they were put, and
gets rows back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from flowgate.gateway.promises import Promises, pause
from flowgate.rehearsal.scenarios import Scenario

KEPT, BROKEN, CANNOT = "kept", "broken", "cannot"  # cannot: LiteLLM has no way to keep it, and the page says so
QUICK, WAIT = "as quick as ever once it is benched", "the longest wait"
TIMED = (QUICK, WAIT)  # what a busy machine can break by itself
SLOWER = 1.2  # how much slower than a healthy answer one may be once the dead model is benched
SLACK = 0.25  # seconds that a loaded machine may add to any answer
RETURN_SLACK = 10.0  # seconds after the bench within which the primary serves again


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, as it went.

    Attributes:
        at: Seconds since the scenario began.
        seconds: How long its client waited.
        by: The role that answered; None when the client was told no, or got half of a stream.
        attempts: Role → what arrived there for it.
    """

    at: float
    seconds: float
    by: str | None
    attempts: Mapping[str, int]

    @property
    def primary(self) -> int:
        """Attempts that arrived at the primary."""
        return self.attempts.get("primary", 0)


@dataclass(frozen=True, slots=True)
class Observed:
    """A scenario, as it was played.

    Attributes:
        asked: In the order they were put, those after the fault's end included.
        over: When the fault ended, in seconds since the scenario began; None while it lasted throughout.
        healthy: The median of the seconds that a healthy answer takes.
        scale: What LiteLLM's times were multiplied with in the rehearsal's copy.
    """

    asked: Sequence[Asked]
    healthy: float
    over: float | None = None
    scale: float = 1.0

    def during(self) -> list[Asked]:
        """Give the questions put while the fault lasted."""
        return [one for one in self.asked if self.over is None or one.at < self.over]


@dataclass(frozen=True, slots=True)
class Row:
    """One promise and what came of it.

    Attributes:
        verdict: "kept", "broken", or "cannot" where LiteLLM has no way to keep it.
    """

    scenario: str
    promise: str
    promised: str
    observed: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares what was observed under a profile with what it promises.

    Attributes:
        secondary: Whether the profile leads from the primary to another model.
        south: Attempts that arrive at the vendor for each of LiteLLM's: rounds of CLIProxyAPIPlus times its
            accounts.
        by_south: Whether CLIProxyAPIPlus benches.
    """

    promises: Promises
    secondary: bool = True
    south: int = 1
    by_south: bool = False
    slack: float = SLACK
    rows: list[Row] = field(default_factory=list)

    def __call__(self, scenario: Scenario, observed: Observed) -> list[Row]:
        """Judge one scenario; an observation without a question is no observation.

        Raises:
            ValueError: An observation that is empty.
        """
        if not observed.asked:
            raise ValueError(f"no question was put in {scenario.name}")
        checks = (self._answered, self._attempts, self._benched, self._quick, self._rate, self._waits, self._return)
        found = [row for check in checks for row in check(scenario, observed)]
        self.rows.extend(found)
        return found

    def _answered(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        asked = observed.during()
        count = sum(one.by is not None for one in asked)
        told = f"{count} of {len(asked)}"
        if scenario.kind == "stream":
            yield Row(scenario.name, "every question is answered", "not for a stream that breaks off", told, CANNOT)
        elif scenario.answered and (self.secondary or not scenario.faults):
            yield _row(
                scenario, "every question is answered", f"{len(asked)} of {len(asked)}", told, count == len(asked)
            )
        else:
            yield _row(scenario, "the client is told so", "0 answered", told, count == 0)

    def _attempts(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """Compare the attempts of the question that saw the most."""
        allowed = self.south * (1 + (self.promises.retries.get(scenario.kind, 0) if scenario.faults else 0))
        most = max(one.primary for one in observed.during())
        yield _row(
            scenario, "attempts on the primary for one question", f"{allowed} at most", str(most), most <= allowed
        )

    def _benched(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """Count the failed questions that reached the primary before one did not."""
        after = self.promises.cooldown_after
        if not scenario.benches or after is None:
            return
        if self.by_south and not scenario.south_benches:
            told = f"{sum(one.primary > 0 for one in observed.during())} of {len(observed.during())} asked it"
            yield Row(scenario.name, "benched", "not where CLIProxyAPIPlus benches", told, CANNOT)
            return
        failed = 0
        for one in observed.during():
            if one.primary == 0:
                break
            failed += one.by != "primary"
        else:
            yield _row(scenario, "benched", f"after {after} failed", f"not in {failed} that failed", failed < after)
            return
        told = f"after {failed}" if failed else "the primary was never asked"
        yield _row(scenario, "benched", f"after {after} failed", told, 0 < failed <= after)

    def _quick(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """Compare answers after the benching with healthy ones."""
        later = [one.seconds for one in observed.during() if one.primary == 0 and one.by is not None]
        if not (scenario.benches and scenario.answered) or not later:
            return
        allowed = SLOWER * observed.healthy + self.slack
        found = median(later)
        yield _row(scenario, QUICK, f"{allowed:.2f} s", f"{found:.2f} s", found <= allowed)

    def _rate(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """Count attempts on a dead primary in the worst minute of its outage."""
        fault = scenario.faults.get("primary")
        if not scenario.benches or fault is None or fault.every > 1 or self.promises.cooldown_after is None:
            return
        if self.by_south and not scenario.south_benches:
            return
        tries = 1 + self.promises.retries.get(scenario.kind, 0)
        rounds = math.ceil(60 / max(self.promises.cooldown_seconds, 1.0))
        named = None if self.by_south else fault.retry_after  # CLIProxyAPIPlus does not look at it
        asked_for = (named or self.promises.cooldown_seconds) / max(self.promises.cooldown_seconds, 1.0)
        rounds = math.ceil(rounds / min(1.0, asked_for))  # a pause that the vendor names wins over the profile's
        allowed = self.south * rounds * ((self.promises.cooldown_after - 1) * tries + 1)
        worst = _worst(observed.during(), 60 * observed.scale)
        promise = "attempts on the dead primary in a minute"
        yield _row(scenario, promise, f"{allowed} at most", str(worst), worst <= allowed)

    def _waits(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """Compare the longest wait with the one promised for this kind of failure."""
        waits = self.promises.waits
        if scenario.stream:
            allowed = self.promises.stream_timeout + self.promises.request_timeout
        else:
            allowed = waits.quiet if scenario.kind == "timeout" else max(waits.refused, self._asked_pauses(scenario))
        allowed = allowed * observed.scale + observed.healthy * 2 + self.slack
        longest = max(one.seconds for one in observed.asked)
        yield _row(scenario, WAIT, f"{allowed:.2f} s", f"{longest:.2f} s", longest <= allowed)

    def _asked_pauses(self, scenario: Scenario) -> float:
        """Add up the pauses that vendors ask for, after every attempt that is promised."""
        asked = [fault.retry_after for fault in scenario.faults.values() if fault.retry_after]
        return sum(pause(self.promises.retries.get(scenario.kind, 0), one) for one in asked)

    def _return(self, scenario: Scenario, observed: Observed) -> Iterator[Row]:
        """See when the primary serves again."""
        if not scenario.recovers or observed.over is None:
            return
        allowed = self.promises.cooldown_seconds * observed.scale + RETURN_SLACK
        back = next(
            (one.at + one.seconds for one in observed.asked if one.at >= observed.over and one.by == "primary"), None
        )
        told = "never" if back is None else f"{back - observed.over:.1f} s"
        kept = back is not None and back - observed.over <= allowed
        yield _row(scenario, "the primary serves again after the fault", f"within {allowed:.1f} s", told, kept)


def _row(scenario: Scenario, promise: str, promised: str, observed: str, kept: bool) -> Row:
    return Row(scenario.name, promise, promised, observed, KEPT if kept else BROKEN)


def _worst(asked: Sequence[Asked], window: float) -> int:
    """Add up the attempts on the primary in the window of time that saw the most."""
    return max(sum(one.primary for one in asked if begin.at <= one.at < begin.at + window) for begin in asked)
