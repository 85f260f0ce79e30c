"""Find outages and cooldowns in live traffic. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from flowgate.audit.traffic import FAILURES, GOOD, OBSTACLES, Served, Tried
from flowgate.gateway.promises import Promises

Key = tuple[str, str, str]  # model, deployment and its id (else its address)
Event = tuple[Tried, Served]
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

    def covers(self, began: float, ended: float) -> bool:
        """Return whether it overlaps a time.

        Args:
            began: Beginning of the time.
            ended: Its end.
        """
        return self.began <= ended and (self.ended is None or began <= self.ended)


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


def key(one: Tried) -> Key:
    """Return the deployment of an attempt."""
    return one.model, one.deployment, one.id or one.host


def events(requests: Iterable[Served]) -> dict[Key, list[Event]]:
    """Return the attempts on each deployment that failed at least once, in the order of their start.

    Args:
        requests: The requests.
    """
    found: defaultdict[Key, list[Event]] = defaultdict(list)
    failing: set[Key] = set()
    for request in requests:
        for tried in request.tried:
            kind = tried.kind
            if kind == GOOD or kind in FAILURES or kind in OBSTACLES:
                where = (tried.model, tried.deployment, tried.id or tried.host)
                found[where].append((tried, request))
                if kind:
                    failing.add(where)
    return {where: sorted(found[where], key=lambda one: one[0].at) for where in failing}


def outages(where: Key, history: Sequence[Event]) -> Iterator[Outage]:
    """Yield the outages of one deployment.

    Args:
        where: The deployment.
        history: Its attempts, in the order of their start.
    """
    current: Outage | None = None
    for tried, request in history:
        if tried.kind == GOOD:
            if current is not None:
                current.ended = tried.at
                yield current
            current = None
            continue
        current = current or Outage(where, tried.at)
        current.failed.append((tried, request))
    if current is not None:
        yield current


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


def between(requests: Sequence[Served], began: float, ended: float | None) -> Sequence[Served]:
    """Return the requests that arrived within a time.

    Args:
        requests: In the order of arrival.
        began: Beginning of the time.
        ended: Its end; None for no end.
    """
    first = bisect_left(requests, began, key=lambda one: one.at)
    return requests[first : None if ended is None else bisect_left(requests, ended, key=lambda one: one.at)]
