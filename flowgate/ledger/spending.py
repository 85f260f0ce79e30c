"""What was spent and asked since the beginning of a day or a month, from the hourly sums."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flowgate.domain.budgets import HOUR_SECONDS, REQUESTS_PER_DAY, Limit, period
from flowgate.ledger import database
from flowgate.ledger.entries import FAILED_STATUS, OWN_CLIENT
from flowgate.ledger.usage import SUBSCRIPTION, UNKNOWN

SETTLED_HOURS = 2  # sums of hours before these are read again once an hour only: no request takes that long
REFRESH_SECONDS = 300.0
TRIED = f"CASE WHEN deployment != '' OR (status > 0 AND status < {FAILED_STATUS}) THEN requests ELSE 0 END"
SELECT = (
    f"SELECT client, price, sum(cost), sum({TRIED}), sum(requests) FROM hours "  # noqa: S608
    "WHERE hour >= ? AND hour < ? GROUP BY client, price"
)


@dataclass(slots=True)
class Spent:
    """Sums of the requests of one client, or of all.

    Attributes:
        billed: US dollars by a price list or a price of the config.
        worth: US dollars that requests through accounts would have cost.
        requests: Requests that a model was tried for; FlowGate's own are left out.
        unpriced: Answered requests for which no price is known: they cost nothing here.
    """

    billed: float = 0.0
    worth: float = 0.0
    requests: int = 0
    unpriced: int = 0

    def add(self, more: Spent) -> None:
        """Add other sums."""
        self.billed, self.worth = self.billed + more.billed, self.worth + more.worth
        self.requests, self.unpriced = self.requests + more.requests, self.unpriced + more.unpriced

    def counted(self, limit: Limit) -> float:
        """Return what counts for a limit.

        Args:
            limit: The limit.
        """
        if limit.kind == REQUESTS_PER_DAY:
            return self.requests
        return self.billed + (self.worth if limit.budget.count_subscriptions else 0.0)


Sums = dict[str, Spent]  # client → its sums


def read(connection: sqlite3.Connection, first: int, last: int) -> Sums:
    """Sum up some hours.

    Args:
        connection: The ledger.
        first: The first hour, in hours since 1970.
        last: The first hour after them.

    Raises:
        sqlite3.Error: The ledger cannot be read.
    """
    found: defaultdict[str, Spent] = defaultdict(Spent)
    for client, price, cost, tried, requests in connection.execute(SELECT, (first, last)):
        is_worth = price == SUBSCRIPTION
        more = Spent(0.0 if is_worth else cost, cost if is_worth else 0.0)
        more.requests = 0 if client == OWN_CLIENT else tried
        more.unpriced = requests if price == UNKNOWN else 0
        found[client].add(more)
    return dict(found)


def of_limit(sums: Sums, limit: Limit) -> Spent:
    """Return the sums that a limit is about.

    Args:
        sums: The sums of each client.
        limit: The limit.
    """
    total = Spent()
    for client, one in sums.items():
        if limit.budget.client in ("", client):
            total.add(one)
    return total


class Spending:
    """Reads the sums again and again; what is long past is kept.

    Args:
        path: The ledger.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._kept: dict[int, tuple[int, float, Sums]] = {}

    def collect(self, limits: Iterable[Limit], now: float) -> dict[str, Spent]:
        """Return what each limit's period has seen, by the limit's id; empty if there is no ledger yet.

        Args:
            limits: The limits.
            now: Seconds since 1970.

        Raises:
            EnvironmentFailure: The ledger cannot be read.
        """
        with database.translate_errors(self._path):
            try:
                if self._connection is None:
                    self._connection = database.open_to_read(self._path)
                if self._connection is None:
                    return {}
                firsts = {one.id: int(period(one.kind, now).since // HOUR_SECONDS) for one in limits}
                sums = {first: self._since(self._connection, first, now) for first in set(firsts.values())}
                return {one.id: of_limit(sums[firsts[one.id]], one) for one in limits}
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the ledger, and forget what was kept."""
        self._kept.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _since(self, connection: sqlite3.Connection, first: int, now: float) -> Sums:
        settled = max(first, int(now // HOUR_SECONDS) - SETTLED_HOURS)
        kept = self._kept.get(first)
        if kept is None or kept[0] != settled or not 0 <= now - kept[1] < REFRESH_SECONDS:
            kept = self._kept[first] = (settled, now, read(connection, first, settled))
        total: defaultdict[str, Spent] = defaultdict(Spent)
        for part in (kept[2], read(connection, settled, int(now // HOUR_SECONDS) + 1)):
            for client, one in part.items():
                total[client].add(one)
        return dict(total)
