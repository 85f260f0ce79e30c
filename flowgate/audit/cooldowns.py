"""Find the cooldowns that a deployment must have been in, from its failures in live traffic. Pure.

Source: LiteLLM 1.106.2 and 1.108.7, `deployment_callback_on_failure`: a cooldown is as long as the deployment's own
`cooldown_time`, else as the failed response's Retry-After, else as the router's. With a Retry-After of 0 there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flowgate.audit.histories import Event
from flowgate.audit.served import FAILURES, Served, Tried
from flowgate.gateway.promises import Promises

SURE = frozenset({"refusal", "401", "429"})  # LiteLLM counts them for certain; for the others the ledger is not enough
RETRY_LATER = frozenset({429, 503})  # statuses with which vendors name a time
SETTLE_SECONDS = 1.0  # what is not counted at both ends of a cooldown: the clocks of attempts and of LiteLLM differ
NOT_COUNTED = "the ledger does not hold which of these failures LiteLLM counted"
NOT_RECORDED = "an earlier FlowGate served these requests, and did not record Retry-After"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a deployment goes into cooldown.

    Attributes:
        promises: What is promised of its model; with several workers, that they share their cooldowns.
        follows_vendor: Retry-After sets another length.
    """

    promises: Promises
    follows_vendor: bool

    @property
    def spread(self) -> float:
        """Seconds until all that share a cooldown know of it."""
        return self.promises.read_again_seconds if self.promises.shares_cooldowns else 0.0

    def length(self, tried: Tried) -> float:
        """Return the length of a cooldown that a failed attempt starts.

        Args:
            tried: The attempt.
        """
        asked = tried.retry_after
        return (
            float(asked) if self.follows_vendor and asked is not None and asked >= 0 else self.promises.cooldown_seconds
        )

    def unsure(self, tried: Tried) -> str:
        """Return why it is not certain what a failed attempt means for the cooldown; empty: it is.

        Args:
            tried: The attempt.
        """
        if self.follows_vendor and tried.retry_after is None and tried.status in RETRY_LATER:
            return NOT_RECORDED
        return "" if tried.kind in SURE else NOT_COUNTED


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A cooldown that a deployment must have been in.

    Attributes:
        at: When it began, in seconds since 1970: the last of the failures that start it had ended.
        last: When the last request ended that was in progress then and failed too: it may prolong the cooldown.
        after: Failed requests that start it.
        seconds: Its length, at least. longest: At most: the failures may name several.
        spread: Seconds after `at` until every process that it concerns knows of it.
        unsure: Why it is not certain; empty: LiteLLM counts these failures, and what they name is recorded.
        causes: Ids of the requests that started it.
    """

    at: float
    last: float
    after: int
    seconds: float
    longest: float
    spread: float
    unsure: str
    causes: frozenset[int]

    @property
    def known_at(self) -> float:
        """When every process that it concerns knows of it."""
        return self.at + self.spread

    @property
    def window(self) -> tuple[float, float]:
        """Return the time in which the deployment must not be asked."""
        slack = min(SETTLE_SECONDS, self.seconds / 4)
        return self.known_at + slack, self.at + self.seconds - slack


@dataclass(slots=True)
class _Failure:
    """A request that failed on the deployment: when, what lengths that names, and why it is not certain."""

    request: Served
    end: float = 0.0
    lengths: list[float] = field(default_factory=list)
    unsure: str = ""


def cooldowns(history: Iterable[Event], rules: Rules) -> list[Cooldown]:
    """Return the cooldowns that one deployment must have been in, in one process, or in all that share them.

    LiteLLM counts failed requests within the length of a cooldown; a request counts when its last attempt has failed.

    Args:
        history: The attempts on the deployment.
        rules: When it goes into cooldown.
    """
    after, seconds = rules.promises.cooldown_after, rules.promises.cooldown_seconds
    if after is None or seconds <= 0:
        return []
    failed = _failed_requests(history, rules)
    found: list[Cooldown] = []
    first = 0
    for place, one in enumerate(failed):
        if found and one.request.at < found[-1].window[1]:
            first = place + 1  # it was in progress, or it breaks the promise: it starts no other cooldown
            continue
        counted = failed[max(first, place + 1 - after) : place + 1]
        if len(counted) < after or any(one.end - other.request.at >= seconds for other in counted):
            continue
        found.append(_cooldown(counted, failed, rules))
        first = place + 1
    return found


def _cooldown(counted: list[_Failure], failed: list[_Failure], rules: Rules) -> Cooldown:
    moment = counted[-1].end
    parallel = [one for one in failed if one.request.at <= moment + rules.spread and one.end >= moment]
    lengths = [length for one in parallel for length in one.lengths]
    unsure = [one.unsure for one in counted if one.unsure]
    unsure += [one.unsure for one in parallel if one.unsure == NOT_RECORDED]  # it may set another length
    last = max(one.end for one in parallel)  # the one that starts it is among them
    causes = frozenset(one.request.id for one in counted)
    why = next(iter(unsure), "")
    return Cooldown(moment, last, len(counted), min(lengths), max(lengths), rules.spread, why, causes)


def _failed_requests(history: Iterable[Event], rules: Rules) -> list[_Failure]:
    """Return the requests that failed on a deployment, and that LiteLLM counts."""
    found: dict[int, _Failure] = {}
    for tried, request in history:
        if tried.kind in FAILURES:
            one = found.setdefault(request.id, _Failure(request))
            one.end = max(one.end, tried.end)
            one.lengths.append(rules.length(tried))
            one.unsure = one.unsure or rules.unsure(tried)
    return sorted((one for one in found.values() if min(one.lengths) > 0), key=lambda one: one.end)


def never_counted(history: Iterable[Event], rules: Rules) -> Iterator[Tried]:
    """Yield the failed attempts that start no cooldown: their responses asked for none (Retry-After: 0).

    Args:
        history: The attempts on a deployment.
        rules: When it goes into cooldown.
    """
    return (tried for tried, _ in history if tried.kind in FAILURES and rules.length(tried) <= 0)
