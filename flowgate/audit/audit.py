"""Audit a span of the ledger: find the outages, and compare each profile's traffic with its promises."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from statistics import median

from flowgate.audit import histories, outages, traffic
from flowgate.audit.checks import Traffic
from flowgate.audit.cooldowns import Rules, cooldowns
from flowgate.audit.evidence import Evidence
from flowgate.audit.histories import Event
from flowgate.audit.outages import Outage
from flowgate.audit.result import AuditedOutage, AuditedProfile, AuditedPromise
from flowgate.audit.served import ID, MODEL, OBSTACLES, RUN, SECONDS, TIMEOUT, Served, Tried
from flowgate.gateway import recorded_promises
from flowgate.gateway.litellm_behaviour import OBSERVED
from flowgate.gateway.recorded_promises import RecordedPromises
from flowgate.ledger import usage
from flowgate.ledger.usage import Span
from flowgate.rehearsal import comparisons
from flowgate.rehearsal.comparisons import BROKEN, CANNOT, KEPT
from flowgate.system.clock import stamp

NOT_EXERCISED, UNKNOWN = "not exercised", "unknown"
PROMISES = (
    *(comparisons.ANSWERED, comparisons.ATTEMPTS, comparisons.ATTEMPTS_PER_MINUTE, comparisons.COOLDOWN),
    *(comparisons.NO_DELAY, comparisons.LONGEST_WAIT, comparisons.RETURN),
)
NOT_RECORDED = "these generations recorded no promises"
NOT_MEASURED = "promises were never measured on LiteLLM {}"
MOST_REQUESTS = 50  # ids for one promise
DIFFERENCES = (
    "parallel requests: those in progress when a cooldown begins, or beside another failing one, are left out",
    "several models: each deployment is judged by itself, and an answer is due if the name leads to one without outage",
    "real time: nothing is shortened; waits begin at the first attempt, and what vendors took to refuse is left out",
    "errors that a request itself causes (400, 413, 422, …), and clients that leave, count for nobody",
    "failures by a service that is down, or by a shortage of this machine, break no promise",
)


class Audit:
    """An audit of a span.

    Attributes:
        names: The profiles that the ledger knows.
        losses: What the ledger does not hold.
        in_progress: Requests that have not ended; they are not judged.
        kept_since: Since when single requests of the span are kept; None if none of it was deleted.
    """

    def __init__(self, connection: sqlite3.Connection, span: Span, profile: str) -> None:
        """Read the ledger.

        Args:
            connection: The ledger.
            span: The span.
            profile: Name of the profile; empty for all.

        Raises:
            sqlite3.Error: The ledger cannot be read.
        """
        connection.execute("BEGIN")
        self._runs = traffic.runs(connection)
        self._requests = traffic.read(connection, span)
        self._histories = histories.histories(self._requests)
        self._outages = {where: list(outages.outages(where, one)) for where, one in self._histories.items()}
        self._wanted = profile
        self.names = {one.profile for one in self._runs.values()}
        self._recorded: dict[str, RecordedPromises | None] = {}
        self.losses = usage.losses(connection, span, profile)
        self.in_progress = traffic.in_progress(connection, span, self._runs_of(profile))
        self.kept_since = usage.kept_since(connection, span)

    def _runs_of(self, profile: str) -> set[int]:
        return {one.id for one in self._runs.values() if profile in ("", one.profile)}

    def profiles(self) -> list[AuditedProfile]:
        """Return the verdicts, for each profile and each set of promises that it had."""
        counts = Counter(map(itemgetter(RUN), self._requests.rows))
        grouped: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for run in sorted(counts):
            one = self._runs.get(run)
            if one is not None and self._wanted in ("", one.profile):
                grouped[one.profile, one.version, one.promises].append(run)
        return [self._profile(*group, {run: counts[run] for run in runs}) for group, runs in grouped.items()]

    def _profile(self, profile: str, version: str, text: str, counts: Mapping[int, int]) -> AuditedProfile:
        recorded = self._promises(text)
        why = NOT_RECORDED if recorded is None else recorded.unset
        if not why and version not in OBSERVED:
            why = NOT_MEASURED.format(version or "(version not known)")
        evidence: Iterable[Evidence] = ()
        if recorded is not None and not why:
            own = {where: own for where, one in self._histories.items() if (own := one.of(counts)).failed}
            uneven = [one for one in self._requests.uneven.values() if one.run in counts]
            workers = {run: self._runs[run].name for run in counts}
            evidence = Traffic(recorded, self._requests, uneven, self._outages, own, workers).evidence()
        return {
            "profile": profile,
            "litellm": version,
            "generations": sorted({self._runs[run].generation for run in counts}),
            "requests": sum(counts.values()),
            "promises": _verdicts(evidence, recorded, why),
        }

    def _promises(self, text: str) -> RecordedPromises | None:
        if text not in self._recorded:
            self._recorded[text] = recorded_promises.from_text(text)
        return self._recorded[text]

    def outages(self) -> list[AuditedOutage]:
        """Return the outages, in the order of time."""
        found = sorted((one for own in self._outages.values() for one in own), key=lambda one: one.began)
        middles = self._healthy() if found else {}
        made = [self._outage(one, middles) for one in found]
        return [one for one in made if self._wanted in ("", *one["profiles"])]

    def _healthy(self) -> dict[str, float]:
        """Return the median duration of the requests for each model that the first attempt answered."""
        found: defaultdict[str, list[float]] = defaultdict(list)
        uneven = self._requests.uneven
        for row in self._requests.rows:
            request = uneven.get(row[ID])
            if request is None or (not request.error and not request.tried[0].kind):
                found[row[MODEL]].append(row[SECONDS])
        return {model: median(times) for model, times in found.items()}

    def _outage(self, one: Outage, healthy: Mapping[str, float]) -> AuditedOutage:
        runs = [run for _, request in one.failed if (run := self._runs.get(request.run))]
        during = [request for request in self._requests.between(one.began, one.ended) if self._leads(request, one)]
        own = {request.id: request for request in (*(request for _, request in one.failed), *during)}
        answered = [request for request in own.values() if not request.error]
        tried = one.failed[0][0]
        models = [healthy[request.model] for request in own.values() if request.model in healthy]
        return {
            "model": one.key[0],
            "deployment": one.key[1],
            "host": tried.host,
            "began": _stamp(one.began),
            "ended": None if one.ended is None else _stamp(one.ended),
            "seconds": None if one.ended is None else round(one.ended - one.began, 3),
            "cause": one.cause,
            "obstacle": next((tried.obstacle for tried, _ in one.failed if tried.obstacle), ""),
            "errors": dict(Counter(_error(tried) for tried, _ in one.failed)),
            "failed_attempts": len(one.failed),
            "profiles": list(dict.fromkeys(run.profile for run in runs)),
            "generations": sorted({run.generation for run in runs}),
            "requests": len(own),
            "answered": len(answered),
            "cooldowns": self._cooldowns(one),
            "longest_wait": round(max(request.tried[-1].at - request.tried[0].at for request in own.values()), 3),
            "seconds_p50": round(median(request.seconds for request in answered), 3) if answered else None,
            "healthy_p50": round(median(models), 3) if models else None,
        }

    def _leads(self, request: Served, one: Outage) -> bool:
        """Return whether the name that a request asks for leads to a deployment."""
        run = self._runs.get(request.run)
        recorded = self._promises(run.promises) if run else None
        return recorded is not None and one.key[1] in recorded.path(request.model)

    def _cooldowns(self, one: Outage) -> list[str]:
        """Return when the deployment went into cooldown, by what the ledger holds of its failures."""
        found: list[str] = []
        for (_, text), history in self._counted_together(one.failed).items():
            recorded = self._promises(text)
            if recorded is not None:
                rules = Rules(recorded.of_model(one.key[0]), recorded.follows_vendor(one.key[0]))
                found += [_stamp(each.at) for each in cooldowns(history, rules)]
        return sorted(found)

    def _counted_together(self, history: Iterable[Event]) -> dict[tuple[int, str], list[Event]]:
        """Return the failures of each process, or of all that share their counts, with what was promised."""
        found: defaultdict[tuple[int, str], list[Event]] = defaultdict(list)
        for event in history:
            text = self._runs[event[1].run].promises if event[1].run in self._runs else ""
            recorded = self._promises(text)
            shared = recorded is not None and recorded.promises.shares_cooldowns
            found[0 if shared else event[1].run, text].append(event)
        return dict(found)


def _error(tried: Tried) -> str:
    """Return what people call a failure: LiteLLM gives a status also to what was no response."""
    if tried.kind in OBSTACLES:
        return tried.kind
    if " " in tried.error:  # FlowGate's own words: "connection refused"
        return tried.error
    return tried.kind if tried.kind == TIMEOUT or tried.status is None else str(tried.status)


def _stamp(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))


def _verdicts(evidence: Iterable[Evidence], recorded: RecordedPromises | None, why: str) -> list[AuditedPromise]:
    found: defaultdict[str, list[Evidence]] = defaultdict(list)
    for one in evidence:
        unknown = comparisons.why_unknown(one.compared.promise, recorded.unknown) if recorded else ""
        found[one.compared.promise].append(one._replace(why=one.why or unknown))
    return [_verdict(promise, found[promise], why) for promise in PROMISES]


def _verdict(promise: str, found: Sequence[Evidence], why: str) -> AuditedPromise:
    """Return the verdict on one promise: that of the worst case."""
    known = [one for one in found if _is_known(one)]
    broken = [one for one in known if one.compared.verdict == BROKEN]
    unknown = [one for one in found if not _is_known(one)]
    verdict = BROKEN if broken else UNKNOWN if unknown or why else KEPT if known else NOT_EXERCISED
    worst = sorted(broken, key=lambda one: -_number(one.compared.observed, math.inf))
    closest = sorted(known, key=lambda one: -_number(one.compared.observed, 0.0))
    shown = next(iter(worst or unknown or closest), None)
    requests = dict(sorted((request.id, request.name) for one in broken for request in one.requests))
    return {
        "promise": promise,
        "promised": shown.compared.promised if shown else "",
        "observed": shown.compared.observed if shown else "",
        "verdict": verdict,
        "why": "" if broken else why or (shown.why if shown else ""),
        "cases": len(broken or found),
        "requests": list(requests.values())[:MOST_REQUESTS],
    }


def _is_known(one: Evidence) -> bool:
    return not one.why and one.compared.verdict != CANNOT


def _number(text: str, otherwise: float) -> float:
    """Return the first number of what was observed: the worst case is shown, or the one closest to the promise."""
    return next((float(word) for word in text.split() if word.replace(".", "", 1).isdigit()), otherwise)
