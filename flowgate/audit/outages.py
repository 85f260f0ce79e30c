"""Find outages in live traffic. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from flowgate.audit.histories import Event, History, start
from flowgate.audit.served import FAILURES, Key


@dataclass(slots=True)
class Outage:
    """A deployment from its first failed attempt to its next good one.

    Attributes:
        key: The deployment.
        began: Start of the first failed attempt, in seconds since 1970.
        ended: Start of the first good one; None: there was none yet.
        failed: The failed attempts, each with its request.
    """

    key: Key
    began: float
    ended: float | None = None
    failed: list[Event] = field(default_factory=list)

    @property
    def cause(self) -> str:
        """Return `machine` or `service` if only these were to blame, else `vendor`."""
        kinds = {tried.kind for tried, _ in self.failed}
        return "vendor" if kinds & FAILURES else "service" if "service" in kinds else "machine"


def outages(where: Key, history: History) -> Iterator[Outage]:
    """Yield the outages of one deployment.

    Args:
        where: The deployment.
        history: Its attempts.
    """

    def next_good(event: Event) -> int:
        return bisect_left(history.good, event[0].at, key=start)

    for place, failed in groupby(history.failed, key=next_good):
        events = list(failed)
        ended = start(history.good[place]) if place < len(history.good) else None
        yield Outage(where, events[0][0].at, ended, events)


def is_down(found: Sequence[Outage], began: float, ended: float) -> bool:
    """Return whether one of a deployment's outages overlaps a time.

    Args:
        found: The outages of one deployment, in the order of time.
        began: Beginning of the time.
        ended: Its end.
    """
    place = bisect_right(found, ended, key=lambda one: one.began)
    return place > 0 and ((last := found[place - 1].ended) is None or began <= last)
