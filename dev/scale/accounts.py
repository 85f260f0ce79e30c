"""Accounts with a quota per window of hours, behind one CLIProxyAPIPlus."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Generator
from dataclasses import dataclass

import simpy

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Accounts and what is asked of them.

    Attributes:
        accounts: Number of accounts.
        quota: Requests that one account may answer in a window.
        window_hours: Length of a window; it begins with the first request.
        rate: Mean requests per hour over a day; the busiest hour has twice as many, the quietest none.
        fills_first: Use one account until its quota is used up; otherwise all in turn.
    """

    accounts: int
    quota: int = 500
    window_hours: float = 5.0
    rate: float = 1_000.0
    fills_first: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a pool.

    Attributes:
        without_account: Share of the requests that found no account with quota left, and went to the fallback.
        longest_hours: Longest time without any account.
        first_hour: Hour of the day at which the first request found none; -1 for never.
    """

    pool: Pool
    requests: int
    without_account: float
    longest_hours: float
    first_hour: float


class _Accounts:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.used = [0] * pool.accounts
        self.ends = [-math.inf] * pool.accounts
        self.turn = 0

    def take(self, now: float) -> bool:
        """Use one request of an account; return whether one had quota left."""
        first = 0 if self.pool.fills_first else self.turn
        for offset in range(self.pool.accounts):
            number = (first + offset) % self.pool.accounts
            if now >= self.ends[number]:
                self.used[number], self.ends[number] = 0, now + self.pool.window_hours * HOUR
            if self.used[number] < self.pool.quota:
                self.used[number] += 1
                self.turn = number + 1
                return True
        return False


def day(pool: Pool) -> Day:
    """Simulate one day.

    Args:
        pool: The accounts and what is asked of them.
    """
    environment, accounts, chance = simpy.Environment(), _Accounts(pool), random.Random(1)  # noqa: S311 - a simulation
    missing: list[float] = []
    counted = [0]

    def clients() -> Generator[simpy.Event, object, None]:
        while True:
            yield environment.timeout(chance.expovariate(2 * pool.rate / HOUR))
            if chance.random() < (1 - math.cos(2 * math.pi * environment.now / (24 * HOUR))) / 2:
                counted[0] += 1
                if not accounts.take(environment.now):
                    missing.append(environment.now)

    environment.process(clients())
    environment.run(until=24 * HOUR)
    return Day(
        pool=pool,
        requests=counted[0],
        without_account=round(len(missing) / counted[0], 3),
        longest_hours=round(_longest(missing) / HOUR, 1),
        first_hour=round(missing[0] / HOUR, 1) if missing else -1,
    )


def _longest(times: list[float], gap: float = 60.0) -> float:
    """Return the longest run of times that are at most a gap apart."""
    longest, began = 0.0, times[0] if times else 0.0
    for before, now in itertools.pairwise(times):
        if now - before > gap:
            began = now
        longest = max(longest, now - began)
    return longest


POOLS = tuple(Pool(accounts, fills_first=first) for first in (False, True) for accounts in (8, 12, 16, 20))
