"""Ledgers in a temp folder, and requests to record in them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.domain.ledger import LedgerFile
from flowgate.ledger.entries import IDS_PER_MICROSECOND, Attempt, Entry, Request, Run, id_at
from flowgate.ledger.pending import Conversion
from flowgate.ledger.store import Change, Store
from flowgate.ledger.writer import LedgerWriter
from flowgate.system import processes
from flowgate.system.clock import Clock, poll

NOW = 1_760_000_400.0  # a full hour
RUN = Run(1, "balanced", "1.0", os.getpid(), 0)
Row = dict[str, object]
NUMBERS = itertools.count()


def id_of(at: float) -> int:
    """Return an id of a time that no other request or run has."""
    return id_at(at) + next(NUMBERS) % IDS_PER_MICROSECOND


def own_run(generation: int = 1) -> Run:
    """Return a run of this process, which lives."""
    identity = processes.identify(os.getpid())
    assert identity is not None
    return Run(generation, "balanced", "1.0", identity.pid, identity.ticks)


def entry(number: int = 0, run: int = 1, **more: object) -> Entry:
    """Return a request that took half a second and was answered at the first try."""
    at = float(str(more.pop("at", NOW)))
    who = {"request_id": "a1", "client": "codex", "path": "/v1/chat/completions", "protocol": "chat", "model": "m"}
    answer = {"deployment": "openai/m", "provider": "openai", "status": 200, "error": "", "retries": 0, "fallbacks": 0}
    times = {"waited": 0.0, "first_piece": 0.1, "seconds": 0.5}
    tokens = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 2, "reasoning_tokens": 1}
    known = {"at": at, "run": run, **who, **answer, **times, **tokens, "cost": 0.25, "price": "list"}
    made = Request(id=number or id_of(at), **(known | more))  # type: ignore[arg-type]
    tried = Attempt(made.id, 1, at, made.model, made.deployment, "d", "h:1", made.provider, 0.5, 200, made.error, "")
    return Entry(made, (tried,))


def record(path: Path, *entries: Entry, run: Run | None = None, close: bool = True, now: float = NOW) -> Store:
    """Write requests into a ledger."""
    store = Store(path, id_of(now), run or own_run(), now)
    number = store.connection.execute("SELECT max(id) FROM runs").fetchone()[0]
    changes = [Change(Entry(one.request._replace(run=number), one.attempts)) for one in entries]
    store.write(changes, [], now, 0)
    if close:
        store.close(now, 0)
    return store


def conversion() -> Conversion[Row]:
    """Return what is known about the rows of these tests: dictionaries."""

    def convert(row: Row, number: int, run: int) -> Entry:
        if row.get("broken"):
            raise ValueError("this row cannot be converted")
        tokens = row.get("tokens")
        more = {"seconds": row.get("seconds"), "prompt_tokens": tokens, "price": "list" if tokens else ""}
        return entry(number, run, at=row["at"], **more)

    def complete(row: Row) -> bool:
        return "tokens" in row

    return Conversion(convert, lambda row: float(str(row["at"])), lambda row: 1, complete)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a ledger that does not exist yet."""
    return tmp_path / "runtime" / "ledger.sqlite"


@pytest.fixture
def reports() -> list[str]:
    """What writers have reported."""
    return []


@pytest.fixture
def writer(path: Path, reports: list[str]) -> Iterator[Callable[..., LedgerWriter[Row]]]:
    """Creates writers that are closed afterwards."""
    made: list[LedgerWriter[Row]] = []

    def make(keep_days: int = 36_500, max_mb: int = 500) -> LedgerWriter[Row]:
        settings = LedgerFile(path, keep_days, max_mb)
        made.append(LedgerWriter(settings, own_run(), conversion(), reports.append, batch_seconds=0.01))
        return made[-1]

    yield make
    for one in made:
        one.close(10.0)


def serve(writer: LedgerWriter[Row], at: float = NOW, **more: object) -> Row:
    """Let a request begin and end."""
    row: Row = {"at": at}
    writer.begin(row)
    row |= {"seconds": 0.5, "tokens": 3, **more}
    writer.end(row)
    return row


def until(fact: Callable[[], object]) -> None:
    """Wait for a fact."""
    assert poll(fact, Clock(), every=0.01, timeout=60.0)
