"""The metrics for Prometheus: the figures of `usage`, `status`, `cooldowns` and `budgets`.

They hold no prompt, no key and no account; clients appear by their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from flowgate.dashboard.exposition import NONE, Distribution, Metric, folded, to_text
from flowgate.errors import FlowGateError
from flowgate.ledger import histogram
from flowgate.ledger.totals import Source, Totals, TotalsReader

if TYPE_CHECKING:
    from flowgate.dashboard.data import Sources
    from flowgate.dashboard.measures import Measures
    from flowgate.ledger.histogram import Histogram

BOUNDS = tuple(float(f"{histogram.upper_bound(number):.4g}") for number in range(24, 150, 8))  # 10 ms to 15 minutes
WHO = ("model", "client", "profile")
MOST_COOLDOWNS = 200


class Exporter:
    """Makes the text that Prometheus reads.

    Args:
        sources: Where the figures come from.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources, self._totals = sources, TotalsReader()

    def text(self, now: float) -> str:
        """Return all metrics; a part that cannot be read is left out, and `flowgate_collected` says so.

        Args:
            now: Seconds since 1970.
        """
        state = self._sources.measures()
        known = dict(state.known)
        try:
            totals = self._totals.collect(self._sources.ledger, now)
            known["ledger"] = True
        except FlowGateError:
            totals, known["ledger"] = Totals(), False
        parts = [_collected(known), *_services(state), *_cooldowns(state), *_budgets(state)]
        found = _requests(totals) if known["ledger"] else ()
        return self._sources.mask(to_text(chain(parts, found)))


def _collected(known: Mapping[str, bool]) -> Metric:
    meaning = "1 if the figures of this part could be read; without them its metrics are missing."
    found = Metric("flowgate_collected", "gauge", meaning, ("part",))
    for part, is_known in known.items():
        found.add((part,), int(is_known))
    return found


def _services(state: Measures) -> Iterator[Metric]:
    active = Metric("flowgate_profile_active", "gauge", "1 for the profile in force.", ("profile",))
    up = Metric("flowgate_service_up", "gauge", "1 if the service is running.", ("service",))
    generation = Metric("flowgate_service_generation", "gauge", "Number of the generation that serves.", ("service",))
    uptime = Metric("flowgate_service_uptime_seconds", "gauge", "Age of the generation that serves.", ("service",))
    restarts = Metric(
        "flowgate_service_restarts", "counter", "Restarts after a crash, since the supervisor started.", ("service",)
    )
    labels = ("service", "generation", "worker")
    memory = Metric("flowgate_worker_memory_bytes", "gauge", "Resident memory of a process.", labels)
    progress = Metric("flowgate_worker_requests_in_progress", "gauge", "Requests in progress in a process.", labels)
    if state.profile:
        active.add((state.profile,), 1)
    for one in state.services:
        up.add((one.name,), int(one.up))
        restarts.add((one.name,), one.restarts)
        if one.generation is not None:
            generation.add((one.name,), one.generation)
        if one.uptime is not None:
            uptime.add((one.name,), one.uptime)
        for worker in one.workers:
            key = (one.name, worker.generation, worker.index)
            for metric, value in ((memory, worker.memory), (progress, worker.in_progress)):
                if value is not None:
                    metric.add(key, value)
    yield from (active, up, generation, uptime, restarts, memory, progress)


def _cooldowns(state: Measures) -> Iterator[Metric]:
    labels = ("by", "models", "deployment")
    active = Metric("flowgate_cooldowns", "gauge", "Cooldowns now; of accounts, those of one provider.", labels)
    left = Metric("flowgate_cooldown_seconds_left", "gauge", "Seconds until the last of them ends, if known.", labels)
    for one in state.cooldowns[:MOST_COOLDOWNS]:
        key = (one.by, one.models, one.deployment)
        active.add(key, 1)
        if one.seconds_left is not None:
            left.raise_to(key, one.seconds_left)
    yield from (active, left)


def _budgets(state: Measures) -> Iterator[Metric]:
    labels = ("budget", "client", "limit")
    used = Metric("flowgate_budget_used", "gauge", "US dollars or requests in this day or month (UTC).", labels)
    amount = Metric("flowgate_budget_limit", "gauge", "The limit, in US dollars or requests.", labels)
    exhausted = Metric("flowgate_budget_exhausted", "gauge", "1 if the budget is exhausted.", labels)
    for one in state.budgets:
        key = (one.name, one.client or "all", one.kind)
        used.add(key, one.used)
        amount.add(key, one.amount)
        exhausted.add(key, int(one.exhausted))
    yield from (used, amount, exhausted)


def _requests(totals: Totals) -> Iterator[Metric]:
    full, by = (*WHO, "status"), "{} Resets on 1 January (UTC)."
    requests = Metric("flowgate_requests", "counter", by.format("Requests that ended."), full)
    failures = Metric("flowgate_request_failures", "counter", by.format("Requests that failed."), full)
    retries = Metric("flowgate_request_retries", "counter", by.format("Retries."), WHO)
    fallbacks = Metric("flowgate_request_fallbacks", "counter", by.format("Fallbacks to another model."), WHO)
    kinds = "Tokens; cached ones are a part of prompt, reasoning ones of completion."
    tokens = Metric("flowgate_tokens", "counter", by.format(kinds), (*WHO, "kind"))
    prices = "US dollars: billed, and what requests through accounts are worth."
    cost = Metric("flowgate_cost_usd", "counter", by.format(prices), (*WHO, "billing"))
    unpriced = Metric("flowgate_unpriced_requests", "counter", by.format("Answers without a known price."), WHO)
    for who, one in totals.of.items():
        status = who.status or NONE
        requests.add((*who[:3], status), one.requests)
        failures.add((*who[:3], status), one.failures)
        for metric, value in ((retries, one.retries), (fallbacks, one.fallbacks), (unpriced, one.unpriced)):
            metric.add(who[:3], value)
        for kind in ("prompt", "completion", "cached", "reasoning"):
            tokens.add((*who[:3], kind), getattr(one, f"{kind}_tokens"))
        cost.add((*who[:3], "billed"), one.billed)
        cost.add((*who[:3], "worth"), one.worth)
    yield from (requests, failures, retries, fallbacks, tokens, cost, unpriced)
    yield _distribution("flowgate_request_seconds", "Seconds until the end of an answer.", totals.latency)
    yield _distribution("flowgate_first_piece_seconds", "Seconds until its first byte.", totals.first_pieces)
    dropped = Metric("flowgate_ledger_dropped_requests", "gauge", "Requests not recorded, of the runs in the ledger.")
    dropped.add((), totals.dropped)
    yield dropped


def _distribution(name: str, meaning: str, found: Mapping[Source, Histogram]) -> Distribution:
    made = Distribution(name, "histogram", f"{meaning} Resets on 1 January (UTC).", ("model", "profile"), bounds=BOUNDS)
    for source, counts in found.items():
        by_bound = {histogram.upper_bound(number): count for number, count in counts.items()}
        total = sum(histogram.middle(number) * count for number, count in counts.items())
        made.counts[tuple(text or NONE for text in source)] = folded(by_bound, BOUNDS), total
    return made
