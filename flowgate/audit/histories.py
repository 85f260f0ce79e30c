"""The attempts on each deployment that failed at least once, in the order of their start. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain

from flowgate.audit.served import (
    ARRIVED,
    BEGAN,
    FAILURES,
    GOOD,
    ID,
    KEY,
    OBSTACLES,
    RUN,
    Key,
    Requests,
    Row,
    Served,
    Tried,
    row_of,
)

Event = tuple[Tried, Served]


@dataclass(slots=True)
class History:
    """The attempts on a deployment that failed at least once, in the order of their start.

    Attributes:
        failed: The attempts that it or this machine failed, each with its request.
        good: The good ones.
    """

    failed: list[Event] = field(default_factory=list)
    good: list[Row] = field(default_factory=list)

    def of(self, runs: Collection[int]) -> History:
        """Return the attempts of some processes.

        Args:
            runs: The processes.
        """
        failed = [event for event in self.failed if event[1].run in runs]
        good = [row for row in self.good if row[RUN] in runs] if failed else []
        return History(failed, good)

    def by_run(self) -> dict[int, History]:
        """Return the histories in each process."""
        found: defaultdict[int, History] = defaultdict(History)
        for event in self.failed:
            found[event[1].run].failed.append(event)
        if len({row[RUN] for row in self.good} | {*found}) == 1:
            return dict.fromkeys(found, self)
        for row in self.good:
            if row[RUN] in found:
                found[row[RUN]].good.append(row)
        return dict(found)

    def good_between(self, began: float, ended: float) -> Sequence[Row]:
        """Return the good attempts that started within a time, the ends left out.

        Args:
            began: Beginning of the time.
            ended: Its end.
        """
        return self.good[bisect_right(self.good, began, key=start) : bisect_left(self.good, ended, key=start)]

    def failed_between(self, began: float, ended: float) -> Sequence[Event]:
        """Return the failed attempts that started within a time, the ends left out.

        Args:
            began: Beginning of the time.
            ended: Its end.
        """
        return self.failed[bisect_right(self.failed, began, key=_start) : bisect_left(self.failed, ended, key=_start)]

    def next_start(self, at: float, arrived_after: float) -> float | None:
        """Return when the next attempt started.

        Args:
            at: The earliest time of it.
            arrived_after: Its request arrived after this time.
        """
        good = (self.good[place] for place in range(bisect_left(self.good, at, key=start), len(self.good)))
        failed = self.failed[bisect_left(self.failed, at, key=_start) :]
        found = (
            next((start(row) for row in good if row[ARRIVED] > arrived_after), None),
            next((_start(event) for event in failed if event[1].at > arrived_after), None),
        )
        return min((one for one in found if one is not None), default=None)


def _start(event: Event) -> float:
    return event[0].at


def start(row: Row) -> float:
    """Return when the attempt of a row started."""
    return row[BEGAN]


def key(one: Tried) -> Key:
    """Return the deployment of an attempt."""
    return one.model, one.deployment, one.id


def histories(requests: Requests) -> dict[Key, History]:
    """Return the attempts on each deployment that failed at least once.

    Args:
        requests: The requests.
    """
    uneven = requests.uneven
    found: defaultdict[Key, History] = defaultdict(History)
    for request in uneven.values():
        for tried in request.tried:
            if tried.kind in FAILURES or tried.kind in OBSTACLES:
                found[key(tried)].failed.append((tried, request))
    answered = [row_of(one, tried) for one in uneven.values() for tried in one.tried if tried.kind == GOOD]
    good = chain(answered, (row for row in requests.rows if row[ID] not in uneven))
    for row in good if found else ():
        history = found.get(row[KEY:])
        if history is not None:
            history.good.append(row)
    for history in found.values():
        history.failed.sort(key=lambda one: one[0].at)
        history.good.sort(key=start)
    return dict(found)
