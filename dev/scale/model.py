"""Clients, workers and vendors as processes of a discrete-event simulation."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import simpy

from dev.scale.figures import Assumed, Figures

Steps = Generator[simpy.Event, object, None]
STREAM_STEP_SECONDS = 0.5  # the pieces of this time are handled as one piece of work
SWITCH_SLICE_SECONDS = 0.004  # the system lets two processes of one core take turns of about this length
BEFORE_VENDOR = 0.6  # share of a request's CPU that is spent before the vendor is asked


@dataclass(frozen=True, slots=True)
class Setting:
    """One fleet.

    Attributes:
        workers: LiteLLM workers on a core each.
        limit: Requests in progress in one worker above which it answers 503; 0 for no bound.
        shares_cooldowns: Whether the workers share cooldowns in Redis.
        deadline_seconds: Time after which a client gives up; 0 for never.
        tries: How often a client asks again after a 503 or after it gave up.
    """

    workers: int
    limit: int = 0
    shares_cooldowns: bool = False
    deadline_seconds: float = 0.0
    tries: int = 0


@dataclass
class Seen:
    """What the clients and the vendors of one run saw.

    Attributes:
        added: (time of the request, seconds that it took beyond the vendor's own time) of the answered requests.
        answered: Answers of any kind but an error.
        refused: 503s.
        given_up: Requests that a client gave up.
        dead_attempts: Attempts on a vendor that is down, by second.
        fallbacks: Answers of the fallback.
    """

    added: list[tuple[float, float]] = field(default_factory=list)
    answered: int = 0
    refused: int = 0
    given_up: int = 0
    dead_attempts: Counter[int] = field(default_factory=Counter)
    fallbacks: int = 0


class Worker:
    """One LiteLLM worker: its event loop does one slice of work at a time. Without Redis it counts failures alone."""

    def __init__(self, environment: simpy.Environment) -> None:
        self.loop = simpy.Resource(environment, capacity=1)
        self.in_progress = 0
        self.failures = 0
        self.cooldown_until = -math.inf
        self.busy_seconds = 0.0


class Fleet:
    """Workers behind a balancer that chooses the one with the fewest requests in progress."""

    def __init__(self, setting: Setting, figures: Figures, assumed: Assumed, *, seed: int = 1) -> None:
        self.environment = simpy.Environment()
        self.setting, self.figures, self.assumed = setting, figures, assumed
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.workers = [Worker(self.environment) for _ in range(setting.workers)]
        self.seen = Seen()
        self.is_down: Callable[[float], bool] = lambda _: False
        self.shared_cooldown: tuple[float, float] = (math.inf, -math.inf)  # known from, until
        self.shared_failures, self.failed_at = 0, -math.inf

    # --- one request

    def request(self, *, stream: bool, vendor_seconds: float) -> Steps:
        """Send one request, again where the client asks again.

        Args:
            stream: Whether the answer is a stream.
            vendor_seconds: Duration of the vendor's answer.
        """
        started = self.environment.now
        for attempt in range(self.setting.tries + 1):
            if attempt:
                yield self.environment.timeout(min(8.0, 0.5 * 2**attempt) * self.random.uniform(0.5, 1.5))
            worker = self._choose()
            if self.setting.limit and worker.in_progress >= self.setting.limit:
                self.seen.refused += 1
                continue
            answered = yield from self._served(worker, stream=stream, vendor_seconds=vendor_seconds)
            if answered:
                self.seen.answered += 1
                self.seen.added.append((started, self.environment.now - started - vendor_seconds))
                return
            self.seen.given_up += 1

    def _choose(self) -> Worker:
        """Return the worker with the fewest requests in progress, of four drawn by lot as a large balancer does."""
        drawn = self.random.sample(self.workers, min(4, len(self.workers)))
        return min(drawn, key=lambda one: one.in_progress)

    def _served(self, worker: Worker, *, stream: bool, vendor_seconds: float) -> Generator[simpy.Event, object, bool]:
        began = self.environment.now
        worker.in_progress += 1
        try:
            cpu = self._cpu(worker)
            yield from self._work(worker, cpu * BEFORE_VENDOR, self.figures.slices // 2)
            if self._is_late(began):
                return False
            yield from self._ask_primary(worker)
            if stream:
                yield from self._stream(worker, vendor_seconds)
            else:
                yield self.environment.timeout(vendor_seconds)
            yield from self._work(worker, cpu * (1 - BEFORE_VENDOR), self.figures.slices - self.figures.slices // 2)
            return not self._is_late(began + vendor_seconds)
        finally:
            worker.in_progress -= 1

    def _is_late(self, began: float) -> bool:
        return bool(self.setting.deadline_seconds) and self.environment.now - began > self.setting.deadline_seconds

    def _cpu(self, worker: Worker) -> float:
        mean, share = self.figures.request_seconds(worker.in_progress), self.figures.spread
        return max(mean / 3, self.random.gauss(mean, mean * share))

    def _work(self, worker: Worker, seconds: float, slices: int = 1) -> Steps:
        for _ in range(slices):
            with worker.loop.request() as turn:
                yield turn
                yield self.environment.timeout(seconds / slices)
            worker.busy_seconds += seconds / slices

    def _stream(self, worker: Worker, vendor_seconds: float) -> Steps:
        steps = max(1, round(vendor_seconds / STREAM_STEP_SECONDS))
        work = self.assumed.stream_pieces * self.figures.piece_ms / 1000 / steps
        for _ in range(steps):
            yield self.environment.timeout(vendor_seconds / steps)
            self.environment.process(self._work(worker, work))

    # --- a vendor that is down

    def _ask_primary(self, worker: Worker) -> Steps:
        """Ask the primary unless it is in cooldown; one that is down costs its failure, and the fallback answers."""
        now = self.environment.now
        if self._in_cooldown(worker, now):
            self.seen.fallbacks += 1
            return
        if not self.is_down(now):
            return
        self.seen.dead_attempts[int(now)] += 1
        yield self.environment.timeout(self.assumed.failure_seconds)
        self.seen.fallbacks += 1
        if self._count_failure(worker) > self.assumed.allowed_fails:
            self._cool_down(worker)

    def _count_failure(self, worker: Worker) -> int:
        """Return the failed requests so far: of the worker, or of all workers where they count in Redis."""
        if not self.setting.shares_cooldowns:
            worker.failures += 1
            return worker.failures
        now = self.environment.now
        if now - self.failed_at >= self.assumed.cooldown_seconds:
            self.shared_failures = 0
        self.shared_failures, self.failed_at = self.shared_failures + 1, now
        return self.shared_failures

    def _in_cooldown(self, worker: Worker, now: float) -> bool:
        known, until = self.shared_cooldown
        return now < worker.cooldown_until or (self.setting.shares_cooldowns and known <= now < until)

    def _cool_down(self, worker: Worker) -> None:
        now = self.environment.now
        worker.failures, worker.cooldown_until = 0, now + self.assumed.cooldown_seconds
        if now >= self.shared_cooldown[1]:
            self.shared_cooldown = now + self.assumed.shared_after_seconds, worker.cooldown_until

    # --- a switch

    def switch(self, worker: Worker) -> Steps:
        """Start a new generation on the core of a worker, which serves meanwhile.

        Args:
            worker: The worker.
        """
        seconds = self.figures.switch_cpu_seconds
        yield from self._work(worker, seconds, round(seconds / SWITCH_SLICE_SECONDS))

    # --- clients

    def open_clients(self, rate: Callable[[float], float], highest: float, *, mixed: bool = True) -> Steps:
        """Send requests at random times, at a rate that may change with time.

        Args:
            rate: Requests per second at a time.
            highest: The highest rate that it returns.
            mixed: Send the assumed mix; otherwise plain requests to a vendor that answers at once.
        """
        while True:
            yield self.environment.timeout(self.random.expovariate(highest))
            if self.random.random() * highest < rate(self.environment.now):
                self.environment.process(self._one_of_the_mix() if mixed else self._plain())

    def closed_client(self) -> Steps:
        """Send one plain request after another, to a vendor that answers at once."""
        while True:
            yield self.environment.process(self._plain())

    def _plain(self) -> Steps:
        yield from self.request(stream=False, vendor_seconds=0.0)

    def _one_of_the_mix(self) -> Steps:
        if self.random.random() < self.assumed.stream_share:
            yield from self.request(stream=True, vendor_seconds=self.assumed.stream_seconds)
            return
        sigma = self.assumed.vendor_spread
        seconds = self.random.lognormvariate(math.log(self.assumed.vendor_seconds) - sigma * sigma / 2, sigma)
        yield from self.request(stream=False, vendor_seconds=seconds)

    def busy_share(self) -> float:
        """Return the share of the time in which the workers worked."""
        return sum(one.busy_seconds for one in self.workers) / len(self.workers) / self.environment.now


def percentile(values: list[float], share: float) -> float:
    """Return a percentile; 0 if there are no values.

    Args:
        values: Any values.
        share: Between 0 and 1.
    """
    found = sorted(values)
    return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0
