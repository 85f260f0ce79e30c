"""Write requests into the ledger, as one process does it: a batch is one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flowgate.ledger import database, hours
from flowgate.ledger.entries import Entry, Request, Run
from flowgate.ledger.hours import Key, Sums
from flowgate.ledger.schema import ATTEMPT_COLUMNS, REQUEST_COLUMNS, RUN_COLUMNS, insertion
from flowgate.system import processes

INSERT_REQUEST = insertion("requests", REQUEST_COLUMNS)
INSERT_ATTEMPT = insertion("attempts", ATTEMPT_COLUMNS)
INSERT_RUN = insertion("runs", RUN_COLUMNS)
KILLED = "its process was killed"
PARTS_OF_RUN = "id, pid, ticks, profile, seen_at"
UNFINISHED = f"SELECT {', '.join(REQUEST_COLUMNS)} FROM requests WHERE run = ? AND seconds IS NULL"  # noqa: S608


class Change(NamedTuple):
    """An entry to write.

    Attributes:
        entry: As it is now.
        before: The same request as it was written when it had ended; None if it had not.
    """

    entry: Entry
    before: Request | None = None


class Store:
    """The ledger, open for one run.

    Attributes:
        connection: The ledger. Used by one thread.
        path: The file.
    """

    def __init__(self, path: Path, number: int, run: Run, now: float) -> None:
        """Open the ledger, register the run, and end the runs whose processes have gone.

        Args:
            path: The file.
            number: Id of the run.
            run: The process that records.
            now: Seconds since 1970.

        Raises:
            NewerLedger: Its tables are newer than this FlowGate.
            sqlite3.Error: It is damaged, the disk is full, or another process holds it for too long.
            OSError: The file cannot be created.
        """
        self.path, self._number, self._profile = path, number, run.profile
        self.connection = database.open_to_write(path)
        try:
            self._file = path.stat().st_ino
            with self._transaction():
                who = (number, run.generation, run.profile, run.version, run.pid, run.ticks)
                self.connection.execute(INSERT_RUN, (*who, now, now, run.promises, run.worker))
                self._end_killed_runs()
        except BaseException:
            self.connection.close()
            raise

    def is_in_place(self) -> bool:
        """Return whether the file is still at its path; if not, what is written would be lost."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False

    def write(self, changes: Sequence[Change], counted: Iterable[Request], now: float, dropped: int) -> None:
        """Write a batch.

        Args:
            changes: The requests.
            counted: Requests of which no row is kept.
            now: Seconds since 1970.
            dropped: How many requests this run could not record so far.

        Raises:
            sqlite3.Error: Nothing was written.
        """
        attempts = [one for change in changes for one in change.entry.attempts]
        sums = self._sums((*changes, *(Change(Entry(one, ())) for one in counted)))
        with self._transaction():
            self.connection.executemany(INSERT_REQUEST, [change.entry.request for change in changes])
            self.connection.executemany(INSERT_ATTEMPT, attempts)
            hours.merge(self.connection, sums)
            self._note(now, dropped)

    def close(self, now: float, dropped: int) -> None:
        """End the run, and close the ledger.

        Args:
            now: Seconds since 1970.
            dropped: How many requests this run could not record.

        Raises:
            sqlite3.Error: The end could not be noted; the ledger is closed all the same.
        """
        try:
            with self._transaction():
                self._note(now, dropped)
                ended = "UPDATE runs SET closed_at = ?, ending = 'closed' WHERE id = ?"
                self.connection.execute(ended, (now, self._number))
        finally:
            self.connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def _note(self, now: float, dropped: int) -> None:
        update = "UPDATE runs SET seen_at = ?, dropped = ? WHERE id = ?"
        self.connection.execute(update, (now, dropped, self._number))

    def _sums(self, changes: Iterable[Change], profile: str | None = None) -> dict[Key, Sums]:
        found: defaultdict[Key, Sums] = defaultdict(Sums)
        profile = self._profile if profile is None else profile
        for entry, before in changes:
            if before is not None:
                found[hours.key(before, profile)].add_request(before, -1)
            if entry.request.seconds is not None:
                found[hours.key(entry.request, profile)].add_request(entry.request)
        return found

    def _end_killed_runs(self) -> None:
        """End the runs whose processes have gone without an end, and the requests that were in progress then."""
        open_runs = self.connection.execute(f"SELECT {PARTS_OF_RUN} FROM runs WHERE ending = ''")  # noqa: S608
        for number, pid, ticks, profile, seen_at in open_runs.fetchall():
            if number == self._number or processes.alive(processes.Identity(pid, ticks)):
                continue
            rows = self.connection.execute(UNFINISHED, (number,)).fetchall()
            cut = [cut_off(Request(*row), seen_at) for row in rows]
            self.connection.executemany(INSERT_REQUEST, cut)
            hours.merge(self.connection, self._sums([Change(Entry(one, ())) for one in cut], profile))
            ended = "UPDATE runs SET closed_at = seen_at, ending = 'killed' WHERE id = ?"
            self.connection.execute(ended, (number,))


def cut_off(one: Request, seen_at: float) -> Request:
    """Return a request that was in progress when its process was killed, as one that has failed.

    Args:
        one: The request.
        seen_at: When the process wrote last, in seconds since 1970.
    """
    return one._replace(error=KILLED, seconds=max(0.0, seen_at - one.at))
