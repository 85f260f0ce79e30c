"""What the ledger costs a request, and how soon a million of them is summed up."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from flowgate.domain.ledger import LedgerFile
from flowgate.ledger.entries import Attempt, Entry, Ids, Request, Run
from flowgate.ledger.store import Change, Store
from flowgate.ledger.writer import LedgerWriter
from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.recent import RecentRequest
from flowgate.request_filter.rules import FilterRules
from flowgate.supervisor.recording import conversion
from tests.bench.layer import RULES, answer, receive, request_scope, send
from tests.bench.measure import BIN, Group, Row, alternate, environment, seconds
from tests.unit.audit.conftest import MEASURED, promises

ROWS = 1_000_000
DAYS = 30
AUDITED = 100_000
BATCH = 20_000
PLAIN_READ = """
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute("SELECT * FROM requests r JOIN attempts a ON a.request = r.id"):
    pass
"""
MODELS = ("router-default", "router-cheap", "gpt-5", "claude-sonnet-4")
CLIENTS = ("codex", "claude-code", "nightly")
REQUESTS = 5_000
BATCH_SECONDS = 0.002  # batches are as small as those of a busy gateway, which collects a hundred a second for longer

CONFIG = """config_version: 2
paths: {{runtime_dir: {folder}}}
services:
  litellm: {{command: {{args: [bin/litellm]}}}}
  cliproxyapi_plus: {{command: {{args: [bin/upstream]}}}}
litellm_base:
  model_list: [{{model_name: router-default, litellm_params: {{model: openai/a, api_base: "http://127.0.0.1:8317/v1"}}}}]
profiles: {{balanced: {{}}}}
"""


def run(pairs: int, wanted: Collection[str]) -> Iterator[Row]:
    """Measure what the ledger costs a request, and what `usage` takes over a million rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "ledger_request" in wanted:
            yield _cost_of_a_request(folder, pairs)
        if {"usage_day", "usage_client", "explain_failed"} & set(wanted):
            fill(folder / "ledger.sqlite", ROWS, DAYS, Run(1, "balanced", "1.0", os.getpid(), 0))
            (folder / "flowgate.yaml").write_text(CONFIG.format(folder=folder))
            yield from (row for row in _commands(folder, pairs) if row.name in wanted)
        if "audit_day" in wanted:
            yield _audit(folder / "audited", pairs)


LEDGER = Group(("ledger_request", "usage_day", "usage_client", "explain_failed", "audit_day"), run)


def _commands(folder: Path, pairs: int) -> Iterator[Row]:
    words = {
        "usage_day": ("`usage --by day` over a million requests", ("usage", "--by", "day", "--since", f"{DAYS}d")),
        "usage_client": ("`usage --by client --since 7d` of them", ("usage", "--by", "client")),
        "explain_failed": ("`explain --failed` over them", ("explain", "--failed", "--last", "20")),
    }
    for name, (what, command) in words.items():
        argv = [str(BIN / "flowgate"), "--config", str(folder / "flowgate.yaml"), *command]

        def work(argv: list[str] = argv) -> float:
            return seconds(lambda: subprocess.run(argv, check=True, capture_output=True, env=environment()))

        yield Row(name, what, alternate(pairs, work)[0], None, 0.5)


def _audit(folder: Path, pairs: int) -> Row:
    """Compare `audit` with the command that prints one line of the same ledger, and a plain read of its rows."""
    folder.mkdir()
    fill(folder / "ledger.sqlite", AUDITED, 0.99, Run(1, "balanced", MEASURED, os.getpid(), 0, promises()))
    (folder / "flowgate.yaml").write_text(CONFIG.format(folder=folder))
    argv = [str(BIN / "flowgate"), "--config", str(folder / "flowgate.yaml"), "audit", "--since", "24h"]

    def work() -> float:
        return seconds(lambda: subprocess.run(argv, check=False, capture_output=True, env=environment()))

    def plain() -> float:
        argv = [sys.executable, "-c", PLAIN_READ, str(folder / "ledger.sqlite")]
        return seconds(lambda: subprocess.run(argv, check=True, capture_output=True, env=environment()))

    measured, baseline = alternate(pairs, work, plain)
    return Row("audit_day", "`audit` of 100,000 requests, beside a read of their rows", measured, baseline, 2.0)


def fill(path: Path, count: int, days: float, run: Run) -> None:
    """Write requests of the last days into a ledger.

    Args:
        path: The ledger.
        count: Number of requests.
        days: In how many days they arrived.
        run: The process that served them.
    """
    chance, now, ids = random.Random(1), time.time(), Ids(1)  # noqa: S311 - figures of a benchmark
    number = ids.next(now - days * 86_400 - 1)
    store = Store(path, number, run, now)
    for first in range(0, count, BATCH):
        entries = [
            _entry(chance, ids, number, now - days * 86_400 * (1 - at / count)) for at in range(first, first + BATCH)
        ]
        store.write([Change(one) for one in entries], [], now, 0)
    store.close(now, 0)


def _entry(chance: random.Random, ids: Ids, run_id: int, at: float) -> Entry:
    number, model = ids.next(at), chance.choice(MODELS)
    took, failed = chance.lognormvariate(0, 1), chance.random() < 0.01
    error, status = ("Timeout", 504) if failed else ("", 200)
    deployment, host = f"openai/{model}", "127.0.0.1:8317"
    who = (f"{number:032x}", chance.choice(CLIENTS), "/v1/chat/completions", "chat", model, deployment, "openai")
    tokens = (chance.randrange(10_000), chance.randrange(1_000), 0, 0, chance.random() / 100, "list")
    request = Request(number, at, run_id, *who, status, error, 0, 0, 0.0, took / 3, took, *tokens)
    return Entry(
        request, (Attempt(number, 1, at, model, deployment, "d" * 64, host, "openai", took, status, error, ""),)
    )


# --- what a request costs


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    row = CURRENT.get()
    if row is not None:
        tried = {"model": "router-default", "deployment": "openai/a", "id": "d" * 64, "host": "127.0.0.1:8317"}
        row["attempts"].append({**tried, "at": time.time(), "seconds": 0.5, "status": None, "error": ""})  # type: ignore[typeddict-item]
        tokens = {"prompt": 100, "completion": 10, "cached": 0, "reasoning": 0}
        row["usage"] = {**tokens, "cost": 0.01, "price": "list", "provider": "openai"}  # type: ignore[typeddict-item]
    await answer(scope, receive, send)


def _cost_of_a_request(folder: Path, pairs: int) -> Row:
    filtered = RequestFilter(_app, FilterRules(recorded_headers=("x-litellm-",), tracks_attempts=True, requests=RULES))
    settings = LedgerFile(folder / "measured.sqlite", 90, 500)
    run = Run(1, "balanced", "1.0", os.getpid(), 0)
    ledger = LedgerWriter(settings, run, conversion(("x-litellm-",)), print, batch_seconds=BATCH_SECONDS)
    filtered.recorder = ledger
    with_it, without = alternate(pairs, lambda: _used(filtered, ledger), lambda: _used(_app, ledger))
    ledger.close(10.0)
    state = ledger.state()
    if state["written"] < REQUESTS * pairs:
        raise RuntimeError(json.dumps(state))
    what = "the request filter and the ledger: CPU time of all threads"
    return Row("ledger_request", what, (with_it - without) * 1000, None, 0.15, "ms")


def _used(app: ASGIApp, ledger: LedgerWriter[RecentRequest]) -> float:
    """Return the seconds of CPU that one request takes, until it is written."""

    async def requests() -> None:
        for number in range(REQUESTS):
            await app(request_scope(), receive, send)
            if number % 500 == 0:
                await asyncio.sleep(0)

    began = time.process_time()
    asyncio.run(requests())
    while ledger.state()["waiting"]:
        time.sleep(BATCH_SECONDS)
    return (time.process_time() - began) / REQUESTS
