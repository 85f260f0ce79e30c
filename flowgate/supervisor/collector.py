"""Collect the records that a service hands out about its accounts, and write them into the ledger.

A thread does it, away from the supervisor's loop and from every request: a service that is slow, hangs or answers
nonsense delays its own records and nothing else. Records are taken only while those before are written.
"""

from __future__ import annotations

import importlib
import sqlite3
import threading
from collections.abc import Callable
from typing import NamedTuple

from flowgate.domain import Secret
from flowgate.domain.ledger import LedgerFile
from flowgate.domain.usage_source import WARN_AT, UsageSource
from flowgate.errors import FlowGateError
from flowgate.ledger import accounts, database, retention
from flowgate.ledger.account_entries import Collected, Rise
from flowgate.supervisor.fork_pool import Key
from flowgate.supervisor.source_status import SourceStatus
from flowgate.system import files
from flowgate.system.bounded_get import Answer, NoAnswer, TooLarge, get
from flowgate.system.clock import Clock

Parse = Callable[[bytes, float], Collected]

BUSY_SECONDS, IDLE_SECONDS, LONGEST_SECONDS = 1.0, 10.0, 60.0  # between two questions; records are kept for a minute
REQUEST_SECONDS = 10.0
MOST_BYTES = 8_000_000
MOST_PAGES = 50  # in one round
RETENTION_EVERY_SECONDS = 600.0
OK, ABSENT, REFUSED = 200, (404, 405, 501), (401, 403)


class Target(NamedTuple):
    """A generation whose records are collected.

    Attributes:
        key: The generation.
        source: Where its records are.
        address: Its address.
        secret: The key for them; None: it is in a file.
    """

    key: Key
    source: UsageSource
    address: tuple[str, int]
    secret: Secret | None


class Round(NamedTuple):
    """What the last round has found, and the seconds until the next one."""

    state: str = "collecting"
    problem: str = ""
    wait: float = BUSY_SECONDS


class Collector:
    """Collects the records of one service at a time.

    Args:
        log: Writes a line of the supervisor's log.
        report: Takes the service and a limit that comes near, or is reached.
        ask: Sends a request; for tests.
    """

    def __init__(
        self, log: Callable[[str], None], report: Callable[[str, Rise], None], ask: Callable[..., Answer] = get
    ) -> None:
        self._log, self._report, self._ask = log, report, ask
        self._target: Target | None = None
        self._round, self._records, self._unreadable = Round(), 0, 0
        self._pending: Collected | None = None
        self._parse: Parse | None = None
        self._connection: tuple[LedgerFile, int, sqlite3.Connection] | None = None
        self._next_retention = 0.0
        self._clock = Clock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    # --- called by the supervisor's loop

    def follow(self, target: Target | None) -> None:
        """Collect the records of a generation from now on.

        Args:
            target: The generation; None: of none.
        """
        if target is None or self._target is None or target.key != self._target.key:
            self._round, self._records, self._unreadable = Round(), 0, 0
            self._target = target
            self._wake.set()
        if target is not None and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="usage", daemon=True)
            self._thread.start()

    def status(self) -> dict[str, SourceStatus]:
        """Return how the collection goes, by service."""
        target, found = self._target, self._round
        if target is None:
            return {}
        state: SourceStatus = {
            "state": found.state,
            "problem": found.problem,
            "records": self._records,
            "unreadable": self._unreadable,
        }
        return {target.key[0]: state}

    # --- the thread

    def _work(self) -> None:
        while True:
            target = self._target
            self._wake.wait(self.run(target) if target is not None else None)
            self._wake.clear()

    def run(self, target: Target) -> float | None:
        """Do one round.

        Args:
            target: The generation.

        Returns:
            Seconds until the next one; None if there is nothing to wait for.
        """
        before = self._round
        try:
            found = self._collect(target, before)
        except NoAnswer as error:
            found = self._failing(before, str(error))
        except FlowGateError as error:  # the ledger of a newer FlowGate
            found = self._failing(before, error.what)
        except (sqlite3.Error, OSError) as error:
            self._close()
            found = self._failing(before, f"the ledger cannot be written: {error}")
            if database.is_damage(error):
                self._set_aside(target.source.ledger)
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
            found = self._failing(before, f"{type(error).__name__}: {error}")
        if self._target is not target or before is not self._round:
            return 0.0  # another generation is followed by now
        if found.problem and found.problem != before.problem:
            self._log(f"{target.key[0]} {target.key[1]}: requests by account are not recorded: {found.problem}")
        self._round = found
        return None if found.state in ("absent", "refused") else found.wait

    def _failing(self, before: Round, problem: str) -> Round:
        return Round("failing", problem, min(2 * before.wait, LONGEST_SECONDS))

    def _collect(self, target: Target, before: Round) -> Round:
        wait = min(2 * before.wait, IDLE_SECONDS)
        parse = self._parse = self._parse or _load(target.source.parse)  # before records are taken, which come once
        for _ in range(MOST_PAGES):
            if self._pending is None:
                answer = self._get(target)
                if answer.status != OK:
                    return _unusable(answer.status, min(2 * before.wait, LONGEST_SECONDS))
                self._pending = self._understand(parse, answer.body)
            collected = self._pending
            self._write(target, collected)
            self._pending = None
            self._records += len(collected.requests)
            self._unreadable += collected.unreadable
            if not collected.requests and not collected.unreadable:
                break
            wait = BUSY_SECONDS
        return Round(wait=wait)

    def _get(self, target: Target) -> Answer:
        source = target.source
        key = target.secret.reveal() if target.secret else (files.read_text_or_none(source.key_file) or "").strip()
        headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
        try:
            return self._ask(target.address, source.path, headers, seconds=REQUEST_SECONDS, most_bytes=MOST_BYTES)
        except TooLarge as error:
            raise NoAnswer(f"{error}; its records are lost") from None

    def _understand(self, parse: Parse, body: bytes) -> Collected:
        try:
            return parse(body, self._clock.wall().timestamp())
        except Exception as error:  # noqa: BLE001 - whatever a service answers, the collection goes on
            raise NoAnswer(f"its records cannot be understood: {error}") from None

    # --- the ledger

    def _write(self, target: Target, collected: Collected) -> None:
        if not collected.requests and not collected.readings:
            return
        ledger = target.source.ledger
        connection = self._opened(ledger)
        for rise in accounts.write(connection, collected, WARN_AT):
            self._report(target.key[0], rise)
        if self._clock.now() >= self._next_retention:
            is_behind = retention.step(connection, ledger, self._clock.wall().timestamp())
            self._next_retention = self._clock.now() + (0.0 if is_behind else RETENTION_EVERY_SECONDS)

    def _opened(self, ledger: LedgerFile) -> sqlite3.Connection:
        if self._connection is not None:
            path, inode, connection = self._connection
            if path == ledger and _inode(ledger) == inode:
                return connection
            self._close()
        connection = database.open_to_write(ledger.path)
        self._connection = (ledger, _inode(ledger), connection)
        return connection

    def _set_aside(self, ledger: LedgerFile) -> None:
        try:
            aside = database.set_aside_if_damaged(ledger.path)
        except (FlowGateError, OSError):
            return  # the next round finds it as it is
        if aside is not None:
            self._log(f"the ledger is damaged; a new one is begun, and the old one is {aside}")

    def _close(self) -> None:
        if self._connection is not None:
            self._connection[2].close()
            self._connection = None


def _inode(ledger: LedgerFile) -> int:
    try:
        return ledger.path.stat().st_ino
    except OSError:
        return 0


def _load(name: str) -> Parse:
    module, _, function = name.partition(":")
    parse: Parse = getattr(importlib.import_module(module), function)
    return parse


def _unusable(status: int, wait: float) -> Round:
    if status in ABSENT:
        return Round("absent", "this version hands out no records of its requests")
    if status in REFUSED:  # asking again would get this machine banned
        return Round("refused", f"the service refuses its key ({status})")
    return Round("failing", f"the service answers with status {status}", wait)
