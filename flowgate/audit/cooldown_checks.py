"""Compare the cooldowns of one deployment with what a profile promised of them. Pure.

Each worker counts failures and has cooldowns by itself: a process is a run of the ledger, and one that replaces another
begins with no cooldown. Workers that share them in a Redis server are judged together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flowgate.audit import cooldowns
from flowgate.audit.cooldowns import Cooldown, Rules
from flowgate.audit.evidence import Evidence
from flowgate.audit.histories import Event, History, key
from flowgate.audit.served import CLIENT, FAILURES, OBSTACLES, STREAM, Key, Requests, Served
from flowgate.gateway.recorded_promises import RecordedPromises
from flowgate.rehearsal import comparisons
from flowgate.rehearsal.comparisons import BROKEN, CANNOT, KEPT, RETURN_SLACK_SECONDS, Comparison

DELAY_SLACK_SECONDS = 0.25
UPSTREAM = "cliproxyapi_plus"
BY_UPSTREAM = "CLIProxyAPIPlus applies these cooldowns; the ledger holds LiteLLM's attempts"
ASKED_FOR_NONE = "responses with Retry-After: 0 start no cooldown"
OTHERS = "others that use the same Redis server may have prolonged the cooldown"
REDIS_AWAY = "each worker alone kept it; the Redis server that they share may have been away"


def evidence(
    recorded: RecordedPromises, requests: Requests, where: Key, history: History, workers: Mapping[int, str]
) -> Iterator[Evidence]:
    """Yield what the attempts on a deployment say about the promises of its cooldowns.

    Args:
        recorded: The promises.
        requests: All requests.
        where: The deployment.
        history: Its attempts under these promises.
        workers: Run → what people call this process, of all that served under them.
    """
    promises, follows = recorded.of_model(where[0]), recorded.follows_vendor(where[0])
    rules = Rules(replace(promises, workers=1, shares_cooldowns=False), follows)
    alone = [
        one
        for run, own in history.by_run().items()
        for one in Counting(
            recorded,
            requests,
            where,
            own,
            rules,
            frozenset({run}),
            workers.get(run, "") if promises.workers > 1 else "",
        ).evidence()
    ]
    if not promises.shares_cooldowns:
        yield from alone
        return
    shared = Counting(recorded, requests, where, history, Rules(promises, follows), frozenset(workers), "")
    yield from _over_all(alone, list(shared.evidence()))


def _over_all(alone: Sequence[Evidence], shared: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield what is known of workers that share their cooldowns, unless the server in which they do was away."""
    broken = [one for one in alone if one.is_broken]
    promises = {one.compared.promise for one in broken}
    yield from broken
    for one in shared:
        if not one.is_broken:
            yield one
        elif one.compared.promise not in promises:
            yield one._replace(why=REDIS_AWAY)


@dataclass(frozen=True, slots=True)
class Counting:
    """One deployment, and what counts its failures: a process, or all that share their counts.

    Attributes:
        recorded: The promises. rules: What follows from them for this deployment.
        requests: All requests.
        where: The deployment. history: Its attempts in these processes.
        runs: The processes.
        name: What people call the process; empty if there is but one.
    """

    recorded: RecordedPromises
    requests: Requests
    where: Key
    history: History
    rules: Rules
    runs: frozenset[int]
    name: str

    def evidence(self) -> Iterator[Evidence]:
        """Yield what the attempts say about the promises."""
        found = cooldowns.cooldowns(self.history.failed, self.rules)
        if not found:
            return
        if self.recorded.upstream_cooldowns and self.history.failed[0][0].provider == UPSTREAM:
            promised = f"within {self.rules.promises.cooldown_after} failed requests"
            yield Evidence(Comparison(comparisons.COOLDOWN, promised, "not recorded", CANNOT), (), BY_UPSTREAM)
            return
        unknown = self.recorded.unknown_of(self.where[0])
        for number, cooldown in enumerate(found):
            following = found[number + 1].at if number + 1 < len(found) else None
            for one in self._cooldown(cooldown, following):
                why = comparisons.why_unknown(one.compared.promise, unknown)
                yield self._named(one._replace(why=why) if why else self._if_sure(one, cooldown))
        yield from map(self._named, self._per_minute(found))

    def _if_sure(self, one: Evidence, cooldown: Cooldown) -> Evidence:
        """Return evidence; a broken promise is not known if the ledger does not hold what decides it."""
        if one.compared.verdict == KEPT or one.compared.promise not in (comparisons.COOLDOWN, comparisons.RETURN):
            return one
        others = OTHERS if self.recorded.redis and one.compared.promise == comparisons.RETURN else ""
        return one._replace(why=cooldown.unsure or others)

    def _named(self, one: Evidence) -> Evidence:
        """Return evidence with the worker that broke the promise."""
        if not (self.name and one.is_broken):
            return one
        return one._replace(compared=one.compared._replace(observed=f"{one.compared.observed} ({self.name})"))

    def _cooldown(self, cooldown: Cooldown, following: float | None) -> Iterator[Evidence]:
        begin, end = cooldown.window
        allowed = self.rules.promises.failed_until_cooldown
        later = {one.id: one for one in self._reached(cooldown)}
        relevant = [
            one for one in self.requests.between(begin, end, self.runs) if one.id not in later and self._needs(one)
        ]
        if later:
            yield Evidence(comparisons.cooldown(allowed, allowed + len(later), False), tuple(later.values()))
        elif relevant:
            yield Evidence(comparisons.cooldown(allowed, cooldown.after, True))
        quick = [one for one in relevant if not one.error and not any(x.kind in FAILURES for x in one.tried)]
        if quick:
            delays = [one.tried[-1].at - one.tried[0].at for one in quick]
            compared = comparisons.delay(0.0, delays, DELAY_SLACK_SECONDS)
            slow = [one for one, wait in zip(quick, delays, strict=True) if wait > DELAY_SLACK_SECONDS]
            yield Evidence(compared, tuple(slow) if compared.verdict == BROKEN else ())
        if self.where[0] not in self.recorded.beside:
            yield from self._return(cooldown, self.history.next_start(end, cooldown.known_at), following)

    def _reached(self, cooldown: Cooldown) -> list[Served]:
        """Return the requests that reached the deployment within a cooldown, in the order of arrival."""
        begin, end = cooldown.window
        good = [self.requests.served(row) for row in self.history.good_between(begin, end)]
        found = [*good, *(request for _, request in self.history.failed_between(begin, end))]
        return sorted((one for one in found if one.at > cooldown.known_at), key=lambda one: one.id)

    def _return(self, cooldown: Cooldown, back: float | None, following: float | None) -> Iterator[Evidence]:
        """Check that requests for it reach the deployment again after the cooldown; `back` is when one did."""
        limit = cooldown.last + cooldown.longest + RETURN_SLACK_SECONDS
        until = min((one for one in (back, following) if one is not None), default=None)
        asked = self.requests.between(limit, until, self.runs)
        missed = next((one for one in asked if self._misses(one)), None)
        if missed is not None:
            after = None if back is None else back - cooldown.at
            yield Evidence(comparisons.returned(cooldown.longest, after), (missed,))
        elif back is not None:
            compared = comparisons.returned(cooldown.longest, min(back, limit) - cooldown.last)
            if back > limit:
                compared = compared._replace(observed="with the first request after it")
            yield Evidence(compared)

    def _misses(self, one: Served) -> bool:
        """Return whether a request asks for a name whose first deployment it is, and did not reach it.

        One that reached it may have arrived before its attempt began, on a loaded machine by a second and more.
        """
        is_first = self.recorded.path(one.model)[:1] == (self.where[1],)
        return is_first and all(key(tried) != self.where for tried in one.tried)

    def _needs(self, one: Served) -> bool:
        """Return whether a request would have used the deployment: none before it in its path has answered."""
        path = self.recorded.path(one.model)
        if self.where[1] not in path or one.tried[-1].kind in (CLIENT, *OBSTACLES):
            return False
        return one.tried[-1].deployment not in path[: path.index(self.where[1])]

    def _per_minute(self, found: Sequence[Cooldown]) -> Iterator[Evidence]:
        """Count the failed attempts of requests one after another; of parallel ones, those of the first."""
        counted = _one_after_another(self.history.failed)
        kinds = {tried.kind for tried, _ in counted} - {STREAM}
        if not kinds:
            return
        shortest = min(one.seconds for one in found)
        allowed = max(comparisons.allowed_per_minute(self.rules.promises, kind, 1, shortest) for kind in kinds)
        most = comparisons.busiest([(tried.at, 1) for tried, _ in counted], 60)
        requests = tuple({request.id: request for _, request in counted}.values())
        why = comparisons.why_unknown(comparisons.ATTEMPTS_PER_MINUTE, self.recorded.unknown_of(self.where[0]))
        if most > allowed and not why:
            unsure = (one.unsure for one in found if one.unsure)
            why = ASKED_FOR_NONE if any(cooldowns.never_counted(self.history.failed, self.rules)) else next(unsure, "")
        yield Evidence(comparisons.attempts_per_minute(allowed, most), requests, why)


def _one_after_another(history: Sequence[Event]) -> list[Event]:
    counted: list[Event] = []
    current, free_at = -1, 0.0
    for tried, request in sorted(history, key=lambda one: (one[1].id, one[0].at)):
        if tried.kind in FAILURES and (request.id == current or request.at >= free_at):
            counted.append((tried, request))
            current, free_at = request.id, tried.end
    return counted
