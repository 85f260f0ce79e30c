"""Record the requests of one process: a thread writes them in batches, away from the requests.

What the requests' thread does is put a row into a bounded queue. If the ledger cannot be written for long, rows are
dropped and counted; nothing waits for it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Generic, TypedDict, TypeVar

from flowgate.domain.ledger import LedgerFile
from flowgate.errors import FlowGateError
from flowgate.ledger import database, retention
from flowgate.ledger.entries import Ids, Run
from flowgate.ledger.pending import Conversion, Pending
from flowgate.ledger.store import Store

Row = TypeVar("Row")
BATCH_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 5.0  # between two tries to write
RETENTION_EVERY_SECONDS = 600.0
REPORT_EVERY_SECONDS = 60.0


class LedgerState(TypedDict):
    """What a process says about its ledger.

    Attributes:
        path: The file.
        waiting: Requests that have ended, and are not written yet.
        written: Requests that were written.
        dropped: Requests that could not be recorded.
        problem: Why it cannot be written now; empty when it can.
    """

    path: str
    waiting: int
    written: int
    dropped: int
    problem: str


class LedgerWriter(Generic[Row]):
    """Records the requests of one process."""

    def __init__(
        self,
        settings: LedgerFile,
        run: Run,
        conversion: Conversion[Row],
        report: Callable[[str], None],
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        """Create a writer; it touches nothing until the first request.

        Args:
            settings: The file, and how much of it is kept.
            run: The process.
            conversion: What is known about rows.
            report: Called with a sentence when requests are not recorded, or the ledger was set aside.
            batch_seconds: How long requests are collected before they are written.
        """
        self._settings, self._run, self._report, self._batch_seconds = settings, run, report, batch_seconds
        self._pending = Pending(conversion, run.pid)
        self._store: Store | None = None
        self._number = 0
        self._thread: threading.Thread | None = None
        self._wake, self._closing = threading.Event(), threading.Event()
        self._written = self._reported = 0
        self._behind = False  # there is more to delete
        self._problem, self._reported_at, self._retention_at = "", -REPORT_EVERY_SECONDS, 0.0

    # --- called by the thread that serves

    def begin(self, row: Row) -> None:
        """Note that a request has arrived.

        Args:
            row: The request; it is completed while it is served.
        """
        self._pending.begin(row)
        self._notify()

    def end(self, row: Row) -> None:
        """Record a request that has ended.

        Args:
            row: The request.
        """
        self._pending.end(row)

    def refuse(self, row: Row) -> None:
        """Count a request that was refused at once; no row of it is kept, so that nobody can fill the disk with them.

        Args:
            row: The request.
        """
        self._pending.refuse(row)
        self._notify()

    def _notify(self) -> None:
        if not self._wake.is_set():
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
                self._thread.start()

    def state(self) -> LedgerState:
        """Return how the ledger of this process is."""
        return {
            "path": str(self._settings.path),
            "waiting": self._pending.waiting,
            "written": self._written,
            "dropped": self._pending.dropped,
            "problem": self._problem,
        }

    def close(self, seconds: float) -> None:
        """Write what waits, and end.

        Args:
            seconds: How long that may take; what is not written by then is lost.
        """
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    # --- the writer's thread

    def _work(self) -> None:
        wait = self._batch_seconds
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(wait)
            wait = self._batch_seconds if self._try_to_write() else min(2 * wait, LONGEST_WAIT_SECONDS)
            self._report_losses()
            self._wake.clear()
            if self._pending or self._behind or self._closing.is_set():
                self._wake.set()
        self._try_to_write()
        self._finish()

    def _try_to_write(self) -> bool:
        try:
            self._write()
        except FlowGateError as error:  # the ledger of a newer FlowGate
            self._fail(error.what)
        except (sqlite3.Error, OSError) as error:
            self._fail(str(error))
            if database.is_damage(error):
                self._set_aside()
        except Exception as error:  # noqa: BLE001 - one row that cannot be converted must not end the recording
            self._fail(f"{type(error).__name__}: {error}")
            self._pending.drop()
        else:
            self._problem = ""
            return True
        return False

    def _write(self) -> None:
        store = self._opened()
        batch = self._pending.batch(self._number)
        if batch.changes or batch.counted:
            store.write(batch.changes, batch.counted, time.time(), self._pending.dropped)
            self._written += len(batch.ended)
        self._pending.wrote(batch)
        now = time.monotonic()
        if now >= self._retention_at:
            self._behind = retention.step(store.connection, self._settings, time.time())
            self._retention_at = now if self._behind else now + RETENTION_EVERY_SECONDS

    def _opened(self) -> Store:
        if self._store is not None and not self._store.is_in_place():
            self._abandon()
        if self._store is None:
            now = time.time()
            self._number = Ids(self._run.pid).next(now)
            self._store = Store(self._settings.path, self._number, self._run, now)
        return self._store

    def _finish(self) -> None:
        self._pending.drop()
        self._report_losses(at_once=True)
        if self._store is not None:
            try:
                self._store.close(time.time(), self._pending.dropped)
            except (sqlite3.Error, OSError):
                return  # what was written is written

    # --- trouble

    def _fail(self, why: str) -> None:
        if not self._problem:
            self._report(f"requests cannot be recorded now, and are served all the same: {why}")
        self._problem = why

    def _abandon(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.connection.close()

    def _set_aside(self) -> None:
        self._abandon()
        try:
            aside = database.set_aside_if_damaged(self._settings.path)
        except (FlowGateError, OSError):
            return  # the next try finds it as it is
        if aside is not None:
            self._report(f"the ledger is damaged; a new one is begun, and the old one is {aside}")

    def _report_losses(self, *, at_once: bool = False) -> None:
        now, lost = time.monotonic(), self._pending.dropped - self._reported
        if lost and (at_once or now - self._reported_at >= REPORT_EVERY_SECONDS):
            self._reported, self._reported_at = self._pending.dropped, now
            self._report(f"{lost} request{'s were' if lost > 1 else ' was'} not recorded")
