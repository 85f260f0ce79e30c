"""The requests of one process that wait to be written: in progress, ended, refused, or with tokens still to come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from flowgate.ledger.entries import Entry, Ids, Request
from flowgate.ledger.store import Change

Row = TypeVar("Row")
MAX_WAITING = 10_000  # requests that wait to be written
MAX_LATE = 2_000
LATE_SECONDS = 30.0  # tokens and cost of a request are taken up so long after its end
SETTLED_SECONDS = 0.5  # a request that has been in progress for so long is written: a kill would lose it


class Conversion(NamedTuple, Generic[Row]):
    """What is known about rows.

    Attributes:
        entry: Returns the entry of a row, given the request's id and that of the run.
        started: Returns when a row's request arrived, in seconds since 1970.
        attempts: Returns how many attempts a row has.
        is_complete: Returns whether nothing will be added to a row whose request has ended.
    """

    entry: Callable[[Row, int, int], Entry]
    started: Callable[[Row], float]
    attempts: Callable[[Row], int]
    is_complete: Callable[[Row], bool]


class Waiting(NamedTuple, Generic[Row]):
    """A request that waits.

    Attributes:
        id: Its id in the ledger.
        row: The request, as it is served.
        before: As it was written when it had ended; None if it was not.
        until: When waiting for its tokens is over, by the monotonic clock.
    """

    id: int
    row: Row
    before: Request | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch(Generic[Row]):
    """What is written at once.

    Attributes:
        ended: Requests that have ended.
        in_progress: Requests that have not, and have news.
        completed: Requests that were written already, and whose tokens are known now.
        refused: Requests of which no row is kept.
        incomplete: Ids of those that have ended and whose tokens are not known yet.
        changes: What to write: `ended`, `in_progress` and `completed`, in this order.
        counted: `refused`, as the ledger counts them.
    """

    ended: list[Waiting[Row]]
    in_progress: list[Waiting[Row]]
    completed: list[Waiting[Row]]
    refused: list[Row]
    incomplete: frozenset[int]
    changes: list[Change]
    counted: list[Request]


class Pending(Generic[Row]):
    """The requests of one process that wait to be written.

    The thread that serves adds to it, the ledger's thread takes from it.

    Attributes:
        dropped: Requests that cannot be recorded, because too many wait.
    """

    def __init__(self, conversion: Conversion[Row], salt: int) -> None:
        self._conversion, self._ids = conversion, Ids(salt)
        self._open: dict[int, Waiting[Row]] = {}
        self._ended: deque[Waiting[Row]] = deque()
        self._refused: deque[Row] = deque()
        self._late: deque[Waiting[Row]] = deque()
        self._seen: dict[int, int] = {}  # id of a request in progress that was written → its attempts then
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._open) + len(self._ended) + len(self._refused) + len(self._late)

    @property
    def waiting(self) -> int:
        """Number of requests that have ended, and are not written."""
        return len(self._ended) + len(self._refused)

    # --- called by the thread that serves

    def begin(self, row: Row) -> None:
        """Note that a request has arrived; its row is completed while it is served."""
        self._open[id(row)] = Waiting(self._ids.next(self._conversion.started(row)), row)

    def end(self, row: Row) -> None:
        """Note that a request has ended."""
        found = self._open.pop(id(row), None)
        if found is not None:
            self._put(self._ended, found)

    def refuse(self, row: Row) -> None:
        """Note a request that was refused at once."""
        self._put(self._refused, row)

    def _put(self, queue: deque[Row] | deque[Waiting[Row]], one: Row | Waiting[Row]) -> None:
        if len(queue) >= MAX_WAITING:
            self.dropped += 1
        else:
            queue.append(one)  # type: ignore[arg-type]

    # --- called by the ledger's thread

    def batch(self, run: int) -> Batch[Row]:
        """Return what is to be written now; it goes on waiting until `wrote`.

        Args:
            run: Id of the run.
        """
        ended, refused = list(self._ended), list(self._refused)
        is_complete = self._conversion.is_complete
        incomplete = frozenset(one.id for one in ended if not is_complete(one.row))
        in_progress = list(self._news())
        completed = [one for one in list(self._late) if is_complete(one.row)]
        changes = [
            Change(self._conversion.entry(one.row, one.id, run), one.before)
            for one in (*ended, *in_progress, *completed)
        ]
        counted = [self._conversion.entry(row, 0, 0).request for row in refused]
        return Batch(ended, in_progress, completed, refused, incomplete, changes, counted)

    def _news(self) -> Iterator[Waiting[Row]]:
        limit = time.time() - SETTLED_SECONDS
        for one in list(self._open.values()):
            is_new = self._seen.get(one.id) != self._conversion.attempts(one.row)
            if is_new and self._conversion.started(one.row) < limit:
                yield one

    def wrote(self, batch: Batch[Row]) -> None:
        """Forget what was written.

        Args:
            batch: What was written.
        """
        until = time.monotonic() + LATE_SECONDS
        for one, change in zip(batch.ended, batch.changes, strict=False):
            self._ended.popleft()
            self._seen.pop(one.id, None)
            if one.id in batch.incomplete:
                self._late.append(one._replace(before=change.entry.request, until=until))
        for _ in batch.refused:
            self._refused.popleft()
        self._seen.update({one.id: self._conversion.attempts(one.row) for one in batch.in_progress})
        self._forget_late({one.id for one in batch.completed})

    def _forget_late(self, done: Iterable[int]) -> None:
        now, known = time.monotonic(), frozenset(done)
        kept = [one for one in self._late if one.id not in known and one.until > now]
        self._late = deque(kept[-MAX_LATE:])

    def drop(self) -> None:
        """Give up what has ended, and count it."""
        self.dropped += self.waiting
        self._ended.clear()
        self._refused.clear()
        self._late.clear()
