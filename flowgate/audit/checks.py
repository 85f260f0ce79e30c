"""Compare the traffic of one profile with what it promised, by the functions that rehearsals use. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flowgate.audit import cooldown_checks, outages
from flowgate.audit.cooldowns import RETRY_LATER
from flowgate.audit.evidence import Evidence
from flowgate.audit.histories import History
from flowgate.audit.outages import Outage
from flowgate.audit.served import (
    CLIENT,
    FAILURES,
    GOOD,
    NOBODY,
    OBSTACLES,
    STREAM,
    TIMEOUT,
    Key,
    Requests,
    Served,
    Tried,
)
from flowgate.gateway.promises import RETRY_AFTER
from flowgate.gateway.recorded_promises import RecordedPromises
from flowgate.rehearsal import comparisons
from flowgate.rehearsal.comparisons import CANNOT, Comparison

SLACK_SECONDS = 1.0  # what a loaded machine may add to a wait
KILLED = "its process was killed"


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic of one profile with the same promises.

    Attributes:
        recorded: The promises.
        requests: All requests, also those under other profiles.
        uneven: Those of this profile that failed, or that were not answered by their first attempt.
        outages: All outages by deployment, also those under other profiles; in the order of time.
        histories: Deployment → its attempts under this profile, of deployments that failed under it.
        workers: Run → what people call this process.
    """

    recorded: RecordedPromises
    requests: Requests
    uneven: Sequence[Served]
    outages: Mapping[Key, Sequence[Outage]]
    histories: Mapping[Key, History]
    workers: Mapping[int, str]

    def evidence(self) -> Iterator[Evidence]:
        """Yield what the traffic says about the promises."""
        touched = [one for one in self.uneven if any(tried.kind for tried in one.tried)]
        blameless = [one for one in touched if not any(tried.kind in OBSTACLES for tried in one.tried)]
        yield from self._answers(blameless)
        for one in blameless:
            if any(tried.kind in FAILURES for tried in one.tried):
                yield from self._attempts(one)
                yield from self._wait(one)
        for where, history in self.histories.items():
            yield from cooldown_checks.evidence(self.recorded, self.requests, where, history, self.workers)

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
            promised = min(waits.bound, waits.refused + sum(map(_asked_pause, failing)))
        allowed = promised + SLACK_SECONDS * max(1, len(failing))
        yield Evidence(comparisons.longest_wait(allowed, max(0.0, wait)), (one,))


def _asked_pause(tried: Tried) -> float:
    """Return the pause that a vendor may have asked for: LiteLLM waits for a minute at most, and ignores more."""
    if tried.retry_after is None:  # an earlier FlowGate did not record it
        return RETRY_AFTER if tried.status in RETRY_LATER else 0.0
    return float(tried.retry_after) if 0 < tried.retry_after <= RETRY_AFTER else 0.0
