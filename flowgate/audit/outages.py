"""Find outages and cooldowns in live traffic. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from flowgate.audit.histories import Event, History, start
from flowgate.audit.served import (
    FAILURES,
    Key,
    Served,
)
from flowgate.gateway.promises import Promises

SURE = frozenset({"refusal", "401"})  # LiteLLM counts them for certain; for the others the ledger does not say enough
RETRY_LATER = frozenset({429, 503})  # a vendor may name another length of the cooldown
SETTLE_SECONDS = 1.0  # what is not counted at both ends of a cooldown: the clocks of attempts and of LiteLLM differ


@dataclass(slots=True)
class Outage:
    """A deployment from its first failed attempt to its next good one.

    Attributes:
        key: The deployment.
        began: Start of the first failed attempt, in seconds since 1970.
        ended: Start of the first good one; None: there was none yet.
        failed: The failed attempts, each with its request.
    """

    key: Key
    began: float
    ended: float | None = None
    failed: list[Event] = field(default_factory=list)

    @property
    def cause(self) -> str:
        """Return `machine` or `service` if only these were to blame, else `vendor`."""
        kinds = {tried.kind for tried, _ in self.failed}
        return "vendor" if kinds & FAILURES else "service" if "service" in kinds else "machine"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """A cooldown that a deployment must have been in.

    Attributes:
        at: When it began, in seconds since 1970: the last of the failures that start it had ended.
        last: When the last request ended that was in progress then and failed too: it may prolong the cooldown.
        after: Failed requests that start it.
        seconds: Its length.
        is_sure: LiteLLM counts these failures for certain, and no vendor can have named another length.
        causes: Ids of the requests that started it.
    """

    at: float
    last: float
    after: int
    seconds: float
    is_sure: bool
    causes: frozenset[int]

    @property
    def window(self) -> tuple[float, float]:
        """Return the time in which the deployment must not be asked."""
        slack = min(SETTLE_SECONDS, self.seconds / 4)
        return self.at + slack, self.at + self.seconds - slack


def outages(where: Key, history: History) -> Iterator[Outage]:
    """Yield the outages of one deployment.

    Args:
        where: The deployment.
        history: Its attempts.
    """

    def next_good(event: Event) -> int:
        return bisect_left(history.good, event[0].at, key=start)

    for place, failed in groupby(history.failed, key=next_good):
        events = list(failed)
        ended = start(history.good[place]) if place < len(history.good) else None
        yield Outage(where, events[0][0].at, ended, events)


def is_down(found: Sequence[Outage], began: float, ended: float) -> bool:
    """Return whether one of a deployment's outages overlaps a time.

    Args:
        found: The outages of one deployment, in the order of time.
        began: Beginning of the time.
        ended: Its end.
    """
    place = bisect_right(found, ended, key=lambda one: one.began)
    return place > 0 and ((last := found[place - 1].ended) is None or began <= last)


def cooldowns(history: Iterable[Event], promises: Promises) -> list[Cooldown]:
    """Return the cooldowns that one deployment must have been in, in one process.

    LiteLLM counts failed requests within the length of a cooldown; a request counts when its last attempt has failed.

    Args:
        history: The attempts on the deployment.
        promises: What is promised of its model.
    """
    after, seconds = promises.cooldown_after, promises.cooldown_seconds
    if after is None or seconds <= 0:
        return []
    failed = _failed_requests(history)
    found: list[Cooldown] = []
    first = 0
    for place in range(len(failed)):
        moment = failed[place][0]
        if found and failed[place][1].at < found[-1].window[1]:
            first = place + 1  # it was in progress, or it breaks the promise: it starts no other cooldown
            continue
        counted = failed[max(first, place + 1 - after) : place + 1]
        if len(counted) < after or any(moment - request.at >= seconds for _, request, _ in counted):
            continue
        parallel = [end for end, request, _ in failed if request.at <= moment <= end]
        is_sure = all(sure for _, _, sure in counted)
        causes = frozenset(request.id for _, request, _ in counted)
        found.append(Cooldown(moment, max([moment, *parallel]), after, seconds, is_sure, causes))
        first = place + 1
    return found


def _failed_requests(history: Iterable[Event]) -> list[tuple[float, Served, bool]]:
    """Return the requests that failed on a deployment: when, and whether LiteLLM counts it for certain."""
    ends: dict[int, tuple[float, Served, bool]] = {}
    for tried, request in history:
        if tried.kind not in FAILURES:
            continue
        before = ends.get(request.id, (0.0, request, True))
        sure = before[2] and tried.kind in SURE and tried.status not in RETRY_LATER
        ends[request.id] = (max(before[0], tried.end), request, sure)
    return sorted(ends.values(), key=lambda one: one[0])
