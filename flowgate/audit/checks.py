"""Compare the traffic of one profile with what it promised, by the functions that rehearsals use. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowgate.audit import outages
from flowgate.audit.histories import Event, History
from flowgate.audit.outages import Cooldown, Outage
from flowgate.audit.served import CLIENT, FAILURES, GOOD, NOBODY, OBSTACLES, STREAM, TIMEOUT, Key, Requests, Served
from flowgate.gateway.recorded_promises import RecordedPromises
from flowgate.rehearsal import comparisons
from flowgate.rehearsal.comparisons import BROKEN, CANNOT, KEPT, RETURN_SLACK_SECONDS, Comparison

SLACK_SECONDS = 1.0  # what a loaded machine may add to a wait
DELAY_SLACK_SECONDS = 0.25
UPSTREAM = "cliproxyapi_plus"
KILLED = "its process was killed"
NOT_SURE = "the ledger does not hold Retry-After, nor which failures LiteLLM counted"
BY_UPSTREAM = "CLIProxyAPIPlus applies these cooldowns; the ledger holds LiteLLM's attempts"


class Evidence(NamedTuple):
    """What one outage, cooldown or request says about a promise.

    Attributes:
        compared: The promise beside what was observed.
        requests: The requests that show it.
        why: Why the verdict is not known; empty: it is.
    """

    compared: Comparison
    requests: tuple[Served, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic of one profile with the same promises.

    Attributes:
        recorded: The promises.
        requests: All requests, also those under other profiles.
        uneven: Those of this profile that failed, or that were not answered by their first attempt.
        outages: All outages by deployment, also those under other profiles; in the order of time.
        histories: (run, deployment) → its attempts, of deployments that failed under this profile.
    """

    recorded: RecordedPromises
    requests: Requests
    uneven: Sequence[Served]
    outages: Mapping[Key, Sequence[Outage]]
    histories: Mapping[tuple[int, Key], History]

    def evidence(self) -> Iterator[Evidence]:
        """Yield what the traffic says about the promises."""
        touched = [one for one in self.uneven if any(tried.kind for tried in one.tried)]
        blameless = [one for one in touched if not any(tried.kind in OBSTACLES for tried in one.tried)]
        yield from self._answers(blameless)
        for one in blameless:
            if any(tried.kind in FAILURES for tried in one.tried):
                yield from self._attempts(one)
                yield from self._wait(one)
        for (run, where), history in self.histories.items():
            yield from self._deployment(run, where, history)

    def _answers(self, touched: Sequence[Served]) -> Iterator[Evidence]:
        """Check that a request is answered whose name leads to a deployment that works."""
        count, missing = 0, []
        for one in touched:
            kinds = {tried.kind for tried in one.tried}
            if CLIENT in kinds or one.error == KILLED or not kinds & {*FAILURES, NOBODY}:
                continue
            if not one.error:
                count += bool(kinds & FAILURES) or one.tried[0].kind == NOBODY
            elif STREAM in kinds:
                compared = Comparison(comparisons.ANSWERED, "not if a stream breaks off", "it broke off", CANNOT)
                yield Evidence(compared, (one,), "no setting continues a stream that breaks off")
            elif one.tried[-1].kind != NOBODY or one.tried[-1].deployment == "":
                missing += [one] if self._was_answerable(one) else []
        if count or missing:
            yield Evidence(comparisons.answered(count, count + len(missing)), tuple(missing))

    def _was_answerable(self, one: Served) -> bool:
        """Return whether a deployment that the request may use had no outage then."""
        tried = {attempt.deployment for attempt in one.tried}
        ended = one.at + one.seconds
        down = {where[1] for where, found in self.outages.items() if outages.is_down(found, one.at, ended)}
        return any(name not in tried and name not in down for name in self.recorded.path(one.model))

    def _attempts(self, one: Served) -> Iterator[Evidence]:
        counts: Counter[tuple[str, str]] = Counter()
        kinds: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for tried in one.tried:
            where = (tried.model, "" if tried.model in self.recorded.beside else tried.deployment)
            if tried.deployment:
                counts[where] += 1
                kinds[where] |= {tried.kind} & FAILURES
        for where, found in kinds.items():
            promises = self.recorded.of_model(where[0])
            if found:
                each = (promises.attempts if kind == STREAM else self._allowed(where[0], kind) for kind in found)
                yield Evidence(comparisons.attempts(max(each), counts[where]), (one,))

    def _allowed(self, model: str, kind: str) -> int:
        return comparisons.allowed_attempts(self.recorded.of_model(model), kind)

    def _wait(self, one: Served) -> Iterator[Evidence]:
        """Compare the time until the attempt that answered, without what failing vendors took to refuse."""
        failing = [tried for tried in one.tried if tried.kind in FAILURES]
        kinds, waits = {tried.kind for tried in failing}, self.recorded.promises.waits
        if STREAM in kinds or one.error == KILLED or any(tried.kind == CLIENT for tried in one.tried):
            return
        ended = one.tried[-1].at if one.tried[-1].kind == GOOD else one.at + one.seconds
        wait, promised = ended - one.tried[0].at, waits.quiet
        if TIMEOUT not in kinds:
            wait -= sum(tried.seconds for tried in failing)
            promised = waits.bound if any(tried.status in outages.RETRY_LATER for tried in failing) else waits.refused
        allowed = promised + SLACK_SECONDS * max(1, len(failing))
        yield Evidence(comparisons.longest_wait(allowed, max(0.0, wait)), (one,))

    # --- cooldowns

    def _deployment(self, run: int, where: Key, history: History) -> Iterator[Evidence]:
        promises = self.recorded.of_model(where[0])
        found = outages.cooldowns(history.failed, promises)
        if not found:
            return
        if self.recorded.upstream_cooldowns and history.failed[0][0].provider == UPSTREAM:
            promised = f"within {promises.cooldown_after} failed requests"
            yield Evidence(Comparison(comparisons.COOLDOWN, promised, "not recorded", CANNOT), (), BY_UPSTREAM)
            return
        unknown = self.recorded.unknown_of(where[0])
        for number, cooldown in enumerate(found):
            following = found[number + 1].at if number + 1 < len(found) else None
            for one in self._cooldown(run, where, cooldown, history, following):
                why = comparisons.why_unknown(one.compared.promise, unknown)
                yield one._replace(why=why) if why else _if_sure(one, cooldown)
        yield from self._per_minute(where, history.failed, found)

    def _cooldown(
        self, run: int, where: Key, cooldown: Cooldown, history: History, following: float | None
    ) -> Iterator[Evidence]:
        begin, end = cooldown.window
        later = {one.id: one for one in self._reached(history, cooldown)}
        relevant = [
            one for one in self.requests.between(begin, end, run) if one.id not in later and self._needs(one, where)
        ]
        if later:
            failed = cooldown.after + len(later)
            yield Evidence(comparisons.cooldown(cooldown.after, failed, False), tuple(later.values()))
        elif relevant:
            yield Evidence(comparisons.cooldown(cooldown.after, cooldown.after, True))
        quick = [one for one in relevant if not one.error and not any(x.kind in FAILURES for x in one.tried)]
        if quick:
            delays = [one.tried[-1].at - one.tried[0].at for one in quick]
            compared = comparisons.delay(0.0, delays, DELAY_SLACK_SECONDS)
            slow = [one for one, wait in zip(quick, delays, strict=True) if wait > DELAY_SLACK_SECONDS]
            yield Evidence(compared, tuple(slow) if compared.verdict == BROKEN else ())
        if not self._is_beside(where):
            yield from self._return(
                run, where, cooldown, history.next_start(cooldown.window[1], cooldown.at), following
            )

    def _reached(self, history: History, cooldown: Cooldown) -> list[Served]:
        """Return the requests that reached the deployment within a cooldown, in the order of arrival."""
        begin, end = cooldown.window
        good = [self.requests.served(row) for row in history.good_between(begin, end)]
        found = [*good, *(request for _, request in history.failed_between(begin, end))]
        return sorted((one for one in found if one.at > cooldown.at), key=lambda one: one.id)

    def _return(
        self, run: int, where: Key, cooldown: Cooldown, back: float | None, following: float | None
    ) -> Iterator[Evidence]:
        """Check that requests for it reach the deployment again after the cooldown; `back` is when one did."""
        limit = cooldown.last + cooldown.seconds + RETURN_SLACK_SECONDS
        until = min((one for one in (back, following) if one is not None), default=None)
        asked = self.requests.between(limit, until, run)
        missed = next((one for one in asked if self._is_first(one, where)), None)
        if missed is not None:
            after = None if back is None else back - cooldown.at
            yield Evidence(comparisons.returned(cooldown.seconds, after), (missed,))
        elif back is not None:
            compared = comparisons.returned(cooldown.seconds, min(back, limit) - cooldown.last)
            if back > limit:
                compared = compared._replace(observed="with the first request after it")
            yield Evidence(compared)

    def _is_beside(self, where: Key) -> bool:
        return where[0] in self.recorded.beside

    def _is_first(self, one: Served, where: Key) -> bool:
        """Return whether a request asks for a name whose first deployment it is."""
        return self.recorded.path(one.model)[:1] == (where[1],)

    def _needs(self, one: Served, where: Key) -> bool:
        """Return whether a request would have used a deployment: none before it in its path has answered."""
        path = self.recorded.path(one.model)
        if where[1] not in path or one.tried[-1].kind in (CLIENT, *OBSTACLES):
            return False
        return one.tried[-1].deployment not in path[: path.index(where[1])]

    def _per_minute(self, where: Key, history: Sequence[Event], found: Sequence[Cooldown]) -> Iterator[Evidence]:
        """Count the failed attempts of requests one after another; of parallel ones, those of the first."""
        counted: list[Event] = []
        current, free_at = -1, 0.0
        for tried, request in sorted(history, key=lambda one: (one[1].id, one[0].at)):
            if tried.kind in FAILURES and (request.id == current or request.at >= free_at):
                counted.append((tried, request))
                current, free_at = request.id, tried.end
        promises = self.recorded.of_model(where[0])
        kinds = {tried.kind for tried, _ in counted} - {STREAM}
        if not kinds:
            return
        allowed = max(comparisons.allowed_per_minute(promises, kind) for kind in kinds)
        most = comparisons.busiest([(tried.at, 1) for tried, _ in counted], 60)
        requests = tuple({request.id: request for _, request in counted}.values())
        why = comparisons.why_unknown(comparisons.ATTEMPTS_PER_MINUTE, self.recorded.unknown_of(where[0]))
        is_unsure = most > allowed and not all(one.is_sure for one in found)
        compared = comparisons.attempts_per_minute(allowed, most)
        yield Evidence(compared, requests, why or (NOT_SURE if is_unsure else ""))


def _if_sure(one: Evidence, cooldown: Cooldown) -> Evidence:
    """Return evidence; a broken promise is not known if the ledger does not hold what decides it."""
    concerned = one.compared.promise in (comparisons.COOLDOWN, comparisons.RETURN)
    if concerned and one.compared.verdict != KEPT and not cooldown.is_sure:
        return one._replace(why=NOT_SURE)
    return one
