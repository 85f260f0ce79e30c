"""Verdicts: compare what was observed in a scenario with what the profile promises. Pure functions of records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flowgate.gateway.promises import LIBRARY_TIMEOUT, Promises, pause
from flowgate.rehearsal import comparisons
from flowgate.rehearsal.comparisons import (
    ANSWERED,
    BROKEN,
    CANNOT,
    CLIENT_ERROR,
    COOLDOWN,
    FROM_A_VENDOR,
    LONGEST_WAIT,
    NO_DELAY,
    Comparison,
    judge,
)
from flowgate.rehearsal.observation import NameObservation, Observation, ObservedRequest
from flowgate.rehearsal.result import PromiseResult
from flowgate.rehearsal.roles import PRIMARY
from flowgate.rehearsal.scenarios import MISUSE, NAMES, Scenario

UNHARMED = "others are answered by the primary at the first try"
TIMED = (NO_DELAY, LONGEST_WAIT)  # a busy machine alone can break these
PATIENCE_SECONDS = 25.0  # the longest that a client of a rehearsal waits
SLACK_SECONDS = 0.25  # what a loaded machine may add to any response


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a profile promises, and what is known about its stack.

    Attributes:
        has_secondary: Another model can replace the primary.
        upstream_attempts: Attempts at the vendor for each attempt of LiteLLM: CLIProxyAPIPlus' rounds times accounts.
        upstream_cooldowns: CLIProxyAPIPlus applies the cooldowns.
        slack_seconds: What a loaded machine may add to any response.
        unknown: Topic of `gateway.unmodelled` → the setting that makes it unknown.
        deployments: Deployments that take the part of the primary; LiteLLM counts the failures of each by itself.
    """

    promises: Promises
    has_secondary: bool = True
    upstream_attempts: int = 1
    upstream_cooldowns: bool = False
    slack_seconds: float = SLACK_SECONDS
    unknown: Mapping[str, str] = field(default_factory=dict)
    deployments: int = 1

    def compare(self, scenario: Scenario, observed: Observation) -> list[PromiseResult]:
        """Return one result for each promise that applies to a scenario.

        Raises:
            ValueError: No request was observed.
        """
        if not observed.requests:
            raise ValueError(f"no request was sent in {scenario.name}")
        return [*_from_a_vendor(scenario, observed.requests), *self._compare(scenario, observed)]

    def _compare(self, scenario: Scenario, observed: Observation) -> list[PromiseResult]:
        if scenario.kind == NAMES:
            return [_name_result(scenario, one) for one in observed.names]
        if scenario.kind == MISUSE:
            return [_unharmed(scenario, observed.requests)]
        checks = (
            *(self._answers, self._attempts, self._cooldown, self._delay, self._attempts_per_minute),
            *(self._longest_wait, self._return),
        )
        results = [result for check in checks for result in check(scenario, observed)]
        if self._waits_for_ever(scenario):
            return [_unknown(one, "no time-out is set") for one in results]
        if scenario.kind == "timeout" and self.promises.waits.quiet * observed.scale > PATIENCE_SECONDS:
            why = f"a client of a rehearsal waits at most {PATIENCE_SECONDS:g} s"
            gave_up = (ANSWERED, BROKEN)
            results = [_unknown(one, why) if (one["promise"], one["verdict"]) == gave_up else one for one in results]
        return [self._known(one) for one in results]

    def _known(self, result: PromiseResult) -> PromiseResult:
        """Return a result, with what is not known as unknown."""
        why = comparisons.why_unknown(result["promise"], self.unknown)
        return _unknown(result, why) if why else result

    def _waits_for_ever(self, scenario: Scenario) -> bool:
        """Return whether a rehearsal cannot wait for the end of a silence: no time-out is set, LiteLLM's is 100 min."""
        return scenario.kind == "timeout" and self.promises.request_timeout >= LIBRARY_TIMEOUT

    def _answers(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        requests = observed.during_fault()
        total, answered = len(requests), sum(one.answered_by is not None for one in requests)
        found = f"{answered} of {total}"
        if scenario.kind == "stream":
            yield _result(scenario, ANSWERED, "not if a stream breaks off", found, CANNOT)
        elif scenario.answerable and (self.has_secondary or not scenario.faults):
            yield _compared(scenario, comparisons.answered(answered, total))
        else:
            yield _result(scenario, CLIENT_ERROR, "0 answered", found, judge(answered == 0))

    def _attempts(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Check the request with the most attempts."""
        kind = scenario.kind if scenario.faults else ""
        allowed = comparisons.allowed_attempts(self.promises, kind, self.upstream_attempts)
        most = max(one.primary_attempts for one in observed.during_fault())
        yield _compared(scenario, comparisons.attempts(allowed, most))

    def _cooldown(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Count the failed requests before the first one that did not reach the primary."""
        after = self.promises.cooldown_after
        if not scenario.causes_cooldown or after is None:
            return
        requests = observed.during_fault()
        if self._has_no_cooldown(scenario):
            found = f"{sum(one.primary_attempts > 0 for one in requests)} of {len(requests)} reached the primary"
            yield _result(scenario, COOLDOWN, "not where CLIProxyAPIPlus applies cooldowns", found, CANNOT)
            return
        after = self.promises.failed_until_cooldown * self.deployments
        failed, was_skipped = 0, False
        for one in requests:
            if one.primary_attempts == 0:
                was_skipped = True
                break
            failed += one.answered_by != PRIMARY
        compared = comparisons.cooldown(after, failed, was_skipped)
        result, kept = _compared(scenario, compared), compared.verdict != BROKEN
        yield result if kept or not self._failures_expire(observed, after) else _expired(result)

    def _failures_expire(self, observed: Observation, after: int) -> bool:
        """Return whether so many failures took longer than a cooldown, for which LiteLLM counts them."""
        starts = [one.at for one in observed.during_fault()]
        window = self.promises.cooldown_seconds * observed.scale
        return after > 1 and all(
            later - first >= window for first, later in zip(starts, starts[after - 1 :], strict=False)
        )

    def _delay(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Compare the answers during the cooldown with healthy ones."""
        later = [
            one.seconds for one in observed.during_fault() if one.primary_attempts == 0 and one.answered_by is not None
        ]
        if not (scenario.causes_cooldown and scenario.answerable) or not later:
            return
        yield _compared(scenario, comparisons.delay(observed.healthy_seconds, later, self.slack_seconds))

    def _attempts_per_minute(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Count the attempts on the failed primary in the worst minute."""
        fault, after = scenario.faults.get(PRIMARY), self.promises.cooldown_after
        seconds = self.promises.cooldown_seconds
        if not scenario.causes_cooldown or fault is None or fault.every > 1 or after is None or seconds <= 0:
            return
        total = self.promises.failed_until_cooldown * self.deployments
        if self._has_no_cooldown(scenario) or self._failures_expire(observed, total):
            return
        named = None if self.upstream_cooldowns else fault.retry_after  # CLIProxyAPIPlus ignores Retry-After
        at_vendor = self.deployments * self.upstream_attempts
        allowed = comparisons.allowed_per_minute(self.promises, scenario.kind, at_vendor, named)
        counted = [(one.at, one.primary_attempts) for one in observed.during_fault()]
        yield _compared(
            scenario, comparisons.attempts_per_minute(allowed, comparisons.busiest(counted, 60 * observed.scale))
        )

    def _longest_wait(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Compare the longest wait with the one promised for this kind of failure."""
        if scenario.stream:
            promised = self.promises.stream_timeout + self.promises.request_timeout
        elif scenario.kind == "timeout":
            promised = self.promises.waits.quiet
        else:
            promised = max(self.promises.waits.refused, self._requested_pauses(scenario))
        attempts = max(sum(one.attempts.values()) for one in observed.requests)  # each costs as much as an answer
        allowed = promised * observed.scale + observed.healthy_seconds * max(2, attempts) + self.slack_seconds
        longest = max(one.seconds for one in observed.requests)
        yield _compared(scenario, comparisons.longest_wait(allowed, longest))

    def _requested_pauses(self, scenario: Scenario) -> float:
        """Add up the pauses that vendors request by Retry-After, one for each promised attempt."""
        retries = self.promises.retries.get(scenario.kind, 0)
        return sum(pause(retries, fault.retry_after) for fault in scenario.faults.values() if fault.retry_after)

    def _return(self, scenario: Scenario, observed: Observation) -> Iterator[PromiseResult]:
        """Check when the primary serves again; of several gateways, the last one that it serves counts."""
        ended = observed.fault_ended_at
        if not scenario.recovers or ended is None:
            return
        last = observed.requests[-1]
        served = last.at >= ended and last.answered_by == PRIMARY
        back = last.at + last.seconds - ended if served else None
        yield _compared(scenario, comparisons.returned(self.promises.cooldown_seconds * observed.scale, back))

    def _has_no_cooldown(self, scenario: Scenario) -> bool:
        return self.upstream_cooldowns and not scenario.causes_upstream_cooldown


def _name_result(scenario: Scenario, found: NameObservation) -> PromiseResult:
    """Compare what a name led to, first while its models worked and then while they failed."""
    case = found.case
    promised = f"{' or '.join(case.first)}; if it fails, {' or '.join(case.next) or 'an error'}"
    if found.failing is None:
        return _result(scenario, f"{case.name} ({case.kind})", promised, "not asked for: too many names", CANNOT)
    observed = f"{found.healthy or 'an error'}; {found.failing or 'an error'}"
    kept = found.healthy in case.first and (found.failing in case.next if case.next else not found.failing)
    return _result(scenario, f"{case.name} ({case.kind})", promised, observed, judge(kept))


def _from_a_vendor(scenario: Scenario, requests: Sequence[ObservedRequest]) -> Iterator[PromiseResult]:
    """Report answers that no vendor gave: LiteLLM itself, or what is between it and the vendors, made them up."""
    answers = sum(one.unasked or one.answered_by is not None for one in requests)
    if unasked := sum(one.unasked for one in requests):
        found = f"{answers - unasked} of {answers}; no vendor gave the other{'s' if unasked > 1 else ''}"
        yield _result(scenario, FROM_A_VENDOR, f"{answers} of {answers}", found, BROKEN)


def _unharmed(scenario: Scenario, requests: Sequence[ObservedRequest]) -> PromiseResult:
    """Check that the primary answered every request at the first try."""
    good = sum(one.answered_by == PRIMARY and dict(one.attempts) == {PRIMARY: 1} for one in requests)
    total = len(requests)
    return _result(scenario, UNHARMED, f"{total} of {total}", f"{good} of {total}", judge(good == total))


def _unknown(result: PromiseResult, why: str) -> PromiseResult:
    return {**result, "promised": f"unknown: {why} (else {result['promised']})", "verdict": CANNOT}


def _expired(result: PromiseResult) -> PromiseResult:
    return {**result, "promised": f"{result['promised']}, if they come within one cooldown", "verdict": CANNOT}


def _compared(scenario: Scenario, found: Comparison) -> PromiseResult:
    return _result(scenario, found.promise, found.promised, found.observed, found.verdict)


def _result(scenario: Scenario, promise: str, promised: str, observed: str, verdict: str) -> PromiseResult:
    return PromiseResult(scenario=scenario.name, promise=promise, promised=promised, observed=observed, verdict=verdict)
