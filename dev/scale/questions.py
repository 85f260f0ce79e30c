"""What the model was asked: sizes, outages, a switch of the whole fleet, and accounts that run out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from dev.scale.figures import Assumed, Figures, mean_cpu_seconds
from dev.scale.model import Fleet, Seen, Setting, Steps, percentile

BUSY = 0.6  # share of its core that a worker is planned to use
FLEET_WORKERS = 20
SLICE_WORKERS = 60  # of a larger fleet only so many workers are simulated, with their share of the requests
SIZES = (10.0, 1_000.0, 100_000.0)
WARM_SECONDS = 20.0
QUIET_SECONDS = 12.0  # requests of so long before an event may still be in progress then


@dataclass(frozen=True, slots=True)
class Size:
    """What one rate of requests asks of each part.

    Attributes:
        workers: LiteLLM workers, on a core each.
        one_lost_busy: Share of its core that each worker uses after one worker, or a fiftieth of them, is lost.
        balancer_cores: Cores of HAProxy.
        redis_commands: Commands to Redis in a second, with shared cooldowns and no limits of rate.
        redis_cores: Cores of Redis, for them; one server uses one core.
        connections: Connections open at the same time, of clients and to vendors.
    """

    rate: float
    workers: int
    p50_ms: float
    p99_ms: float
    busy: float
    one_lost_busy: float
    balancer_cores: float
    redis_commands: int
    redis_cores: float
    connections: int


@dataclass(frozen=True, slots=True)
class Phase:
    """What clients saw in one part of a run.

    Attributes:
        answered: Answers.
        p50_ms: Median of the time beyond the vendor's own.
        p99_ms: 99th percentile of it.
    """

    name: str
    answered: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Story:
    """One run with an event in it.

    Attributes:
        refused: 503s; a client may have tried again.
        given_up: Requests whose client gave up waiting.
        dead_attempts: Attempts on a vendor that was down.
        by_second: (second, median of the time beyond the vendor's own in ms) of the answered requests.
        dead_by_second: (second, attempts on a vendor that was down).
    """

    name: str
    phases: list[Phase]
    refused: int
    given_up: int
    dead_attempts: int
    by_second: list[tuple[int, float]]
    dead_by_second: list[tuple[int, int]]


def workers_for(rate: float) -> int:
    """Return the workers that a rate needs, two at least.

    Args:
        rate: Requests per second of the assumed mix.
    """
    return max(2, math.ceil(rate * mean_cpu_seconds(Figures(), Assumed()) / BUSY))


def size(rate: float, seconds: float = 60.0) -> Size:
    """Simulate one size.

    Args:
        rate: Requests per second.
        seconds: Length of the run.
    """
    figures, assumed, workers = Figures(), Assumed(), workers_for(rate)
    share = min(1.0, SLICE_WORKERS / workers)
    simulated = max(2, round(workers * share))
    fleet = Fleet(Setting(workers=simulated), figures, assumed)
    fleet.environment.process(fleet.open_clients(lambda _: rate * share, rate * share))
    fleet.environment.run(until=WARM_SECONDS + seconds)
    added = [took for started, took in fleet.seen.added if started >= WARM_SECONDS]
    lost = max(1, workers // 50)
    duration = assumed.stream_share * assumed.stream_seconds + (1 - assumed.stream_share) * assumed.vendor_seconds
    return Size(
        rate=rate,
        workers=workers,
        p50_ms=round(percentile(added, 0.5) * 1000),
        p99_ms=round(percentile(added, 0.99) * 1000),
        busy=round(fleet.busy_share(), 2),
        one_lost_busy=round(rate * mean_cpu_seconds(figures, assumed) / (workers - lost), 2),
        balancer_cores=round(rate * figures.balancer_us / 1e6, 3),
        redis_commands=round(workers * figures.redis_commands),
        redis_cores=round(workers * figures.redis_commands * figures.redis_us / 1e6, 3),
        connections=round(2 * rate * duration),
    )


def vendor_outage(rate: float, *, shares_cooldowns: bool) -> Story:
    """Let the primary vendor fail for four minutes, in a fleet of 24 workers.

    Args:
        rate: Requests per second.
        shares_cooldowns: Whether the workers share cooldowns in Redis.
    """
    down = 60.0, 300.0
    fleet = Fleet(Setting(workers=24, shares_cooldowns=shares_cooldowns), Figures(), Assumed())
    fleet.is_down = lambda now: down[0] <= now < down[1]
    fleet.environment.process(fleet.open_clients(lambda _: rate, rate))
    return _story(
        f"{rate:g} requests/s, " + ("cooldowns shared in Redis" if shares_cooldowns else "each worker for itself"),
        fleet,
        (
            ("before", WARM_SECONDS, down[0] - QUIET_SECONDS),
            ("first 10 s", down[0], down[0] + 10),
            ("rest", down[0] + 10, down[1]),
        ),
    )


def regional_failure(busy: float, limit: int) -> Story:
    """Let one of two equal regions fail: the other gets all requests.

    Args:
        busy: Share of its core that each worker uses before.
        limit: Requests in progress in one worker above which it answers 503; 0 for no bound.
    """
    workers, at = FLEET_WORKERS, 60.0
    before = workers * busy / mean_cpu_seconds(Figures(), Assumed())
    setting = Setting(workers=workers, limit=limit, deadline_seconds=30.0, tries=2)
    fleet = Fleet(setting, Figures(), Assumed())
    fleet.environment.process(fleet.open_clients(lambda now: before * (2 if now >= at else 1), before * 2))
    name = f"{busy:.0%} busy before, " + (f"at most {limit} in progress in a worker" if limit else "no bound")
    return _story(name, fleet, (("before", WARM_SECONDS, at - QUIET_SECONDS), ("after", at, at + 60.0)))


def herd(limit: int) -> Story:
    """Let all clients come back at once after an outage: five times the usual requests for ten seconds.

    Args:
        limit: Requests in progress in one worker above which it answers 503; 0 for no bound.
    """
    workers, back = FLEET_WORKERS, 60.0
    usual = workers * BUSY / mean_cpu_seconds(Figures(), Assumed())
    setting = Setting(workers=workers, limit=limit, deadline_seconds=30.0, tries=3)
    fleet = Fleet(setting, Figures(), Assumed())

    def rate(now: float) -> float:
        return usual * (5 if back <= now < back + 10 else 1)

    fleet.environment.process(fleet.open_clients(rate, usual * 5))
    phases = (
        ("before", WARM_SECONDS, back - QUIET_SECONDS),
        ("herd", back, back + 10),
        ("next 60 s", back + 10, back + 70),
    )
    return _story(f"at most {limit} in progress in a worker" if limit else "no bound", fleet, phases)


def fleet_switch(parts: int) -> Story:
    """Switch the profile of all workers while they serve.

    Args:
        parts: The fleet is switched in so many parts, one after another.
    """
    workers, at, pause = FLEET_WORKERS, 60.0, 3.0
    rate = workers * BUSY / mean_cpu_seconds(Figures(), Assumed())
    fleet = Fleet(Setting(workers=workers), Figures(), Assumed())
    fleet.environment.process(fleet.open_clients(lambda _: rate, rate))

    def switches() -> Steps:
        yield fleet.environment.timeout(at)
        for part in range(parts):
            for worker in fleet.workers[part::parts]:
                fleet.environment.process(fleet.switch(worker))
            yield fleet.environment.timeout(pause)

    fleet.environment.process(switches())
    until = at + parts * pause
    name = "all at once" if parts == 1 else f"in {parts} parts"
    return _story(
        name, fleet, (("before", WARM_SECONDS, at - QUIET_SECONDS), ("during", at, until), ("after", until, until + 30))
    )


def _story(name: str, fleet: Fleet, phases: tuple[tuple[str, float, float], ...]) -> Story:
    fleet.environment.run(until=phases[-1][2] + 15)
    seen = fleet.seen
    return Story(
        name=name,
        phases=[_phase(seen, *phase) for phase in phases],
        refused=seen.refused,
        given_up=seen.given_up,
        dead_attempts=sum(seen.dead_attempts.values()),
        by_second=_medians(seen, phases[-1][2]),
        dead_by_second=sorted(seen.dead_attempts.items()),
    )


def _phase(seen: Seen, name: str, since: float, until: float) -> Phase:
    added = [took for started, took in seen.added if since <= started < until]
    return Phase(name, len(added), round(percentile(added, 0.5) * 1000), round(percentile(added, 0.99) * 1000))


def _medians(seen: Seen, until: float) -> list[tuple[int, float]]:
    seconds: dict[int, list[float]] = {}
    for started, took in seen.added:
        seconds.setdefault(int(started), []).append(took)
    return [(at, round(percentile(took, 0.5) * 1000, 1)) for at, took in sorted(seconds.items()) if at < until]


STORIES: dict[str, tuple[Callable[[], Story], ...]] = {
    "vendor_outage": (
        lambda: vendor_outage(200.0, shares_cooldowns=False),
        lambda: vendor_outage(200.0, shares_cooldowns=True),
        lambda: vendor_outage(5.0, shares_cooldowns=False),
        lambda: vendor_outage(5.0, shares_cooldowns=True),
    ),
    "regional_failure": (
        lambda: regional_failure(0.4, 0),
        lambda: regional_failure(0.6, 0),
        lambda: regional_failure(0.6, 100),
    ),
    "herd": (lambda: herd(0), lambda: herd(100)),
    "fleet_switch": (lambda: fleet_switch(1), lambda: fleet_switch(4)),
}
