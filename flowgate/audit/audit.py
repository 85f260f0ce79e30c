"""Audit a span of the ledger: find the outages, and compare each profile's traffic with its promises."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median

from flowgate.audit import outages, traffic
from flowgate.audit.checks import Evidence, Traffic
from flowgate.audit.outages import Event, Outage
from flowgate.audit.result import AuditedOutage, AuditedProfile, AuditedPromise
from flowgate.audit.traffic import Served
from flowgate.gateway import recorded_promises
from flowgate.gateway.litellm_behaviour import OBSERVED
from flowgate.gateway.recorded_promises import RecordedPromises
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
        requests: The requests of the span, in the order of arrival.
        names: The profiles that the ledger knows.
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
        self._runs = traffic.runs(connection)
        self.requests = list(traffic.read(connection, span))
        self._events = outages.events(self.requests)
        found = [one for where, history in self._events.items() for one in outages.outages(where, history)]
        self._outages = sorted(found, key=lambda one: one.began)
        self._wanted = profile
        self.names = {one.profile for one in self._runs.values()}
        self._recorded: dict[str, RecordedPromises | None] = {}

    def profiles(self) -> list[AuditedProfile]:
        """Return the verdicts, for each profile and each set of promises that it had."""
        grouped: defaultdict[tuple[str, str, str], list[Served]] = defaultdict(list)
        for request in self.requests:
            run = self._runs.get(request.run)
            if run is not None and self._wanted in ("", run.profile):
                grouped[run.profile, run.version, run.promises].append(request)
        return [self._profile(*group, requests) for group, requests in grouped.items()]

    def _profile(self, profile: str, version: str, text: str, requests: Sequence[Served]) -> AuditedProfile:
        runs = {one.run for one in requests}
        recorded = self._promises(text)
        why = NOT_RECORDED if recorded is None else recorded.unset
        if not why and version not in OBSERVED:
            why = NOT_MEASURED.format(version or "(version not known)")
        evidence: Iterable[Evidence] = ()
        if recorded is not None and not why:
            histories = {
                (run, where): own
                for where, history in self._events.items()
                for run, own in _by_run(history).items()
                if run in runs
            }
            evidence = Traffic(recorded, requests, self._outages, histories).evidence()
        return {
            "profile": profile,
            "litellm": version,
            "generations": sorted({self._runs[run].generation for run in runs}),
            "requests": len(requests),
            "promises": _verdicts(evidence, recorded, why),
        }

    def _promises(self, text: str) -> RecordedPromises | None:
        if text not in self._recorded:
            self._recorded[text] = recorded_promises.from_text(text)
        return self._recorded[text]

    def outages(self) -> list[AuditedOutage]:
        """Return the outages, in the order of time."""
        healthy: defaultdict[str, list[float]] = defaultdict(list)
        for request in self.requests:
            if not request.error and not request.tried[0].kind:
                healthy[request.model].append(request.seconds)
        middles = {model: median(times) for model, times in healthy.items()}
        made = [self._outage(one, middles) for one in self._outages]
        return [one for one in made if self._wanted in ("", *one["profiles"])]

    def _outage(self, one: Outage, healthy: Mapping[str, float]) -> AuditedOutage:
        runs = [run for _, request in one.failed if (run := self._runs.get(request.run))]
        during = [
            request for request in outages.between(self.requests, one.began, one.ended) if self._leads(request, one)
        ]
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
            "errors": dict(Counter(_error(tried.kind, tried.status) for tried, _ in one.failed)),
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
        for run, history in _by_run(one.failed).items():
            recorded = self._promises(self._runs[run].promises) if run in self._runs else None
            if recorded is not None:
                found += [_stamp(each.at) for each in outages.cooldowns(history, recorded.of_model(one.key[0]))]
        return found


def _by_run(history: Iterable[Event]) -> dict[int, list[Event]]:
    found: defaultdict[int, list[Event]] = defaultdict(list)
    for event in history:
        found[event[1].run].append(event)
    return dict(found)


def _error(kind: str, status: int | None) -> str:
    return str(status) if status is not None and kind == "refusal" else kind


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
    closest = sorted(known, key=lambda one: -_number(one.compared.observed))
    shown = next(iter(broken or unknown or closest), None)
    requests = {request.id: request.name for one in broken for request in one.requests}
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


def _number(text: str) -> float:
    """Return the first number of what was observed: of kept promises the closest case is shown."""
    return next((float(word) for word in text.split() if word.replace(".", "", 1).isdigit()), 0.0)
