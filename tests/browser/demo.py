"""A dashboard over a made-up gateway: a process of its own, whose state can be changed while it serves.

    python -m tests.browser.demo FOLDER

It hands out links like the real one (`flowgate.dashboard.control`). While FOLDER has a file `cooled`, a model is in
cooldown.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flowgate.dashboard import control
from flowgate.dashboard.access import Access
from flowgate.dashboard.acts import ACTS
from flowgate.dashboard.data import (
    AccountLine,
    Accounts,
    BudgetLine,
    CooldownLine,
    EventLine,
    Overview,
    Preview,
    PromiseLine,
    Report,
    ReportLine,
    ReportTable,
    ServiceLine,
)
from flowgate.dashboard.measures import Measures
from flowgate.dashboard.server import DashboardServer
from flowgate.ledger.entries import Attempt, Entry, Request, Run, id_at
from flowgate.ledger.store import Change, Store
from flowgate.system import sockets
from flowgate.system.clock import Clock, poll

NOW = datetime(2026, 11, 26, 15, 42, tzinfo=UTC)
DAYS, PER_DAY = 30, 300
CLIENTS = ("codex", "codex", "claude-code", "claude-code", "aider", "")
MODELS = {
    "router-default": ("anthropic/claude-sonnet-4-5", "anthropic", "list", 0.031),
    "router-fast": ("openai/gpt-5.2-mini", "cliproxyapi_plus", "subscription", 0.004),
    "router-deep": ("openai/gpt-5.2", "cliproxyapi_plus", "subscription", 0.052),
    "local-qwen": ("ollama/qwen3-coder", "ollama", "unknown", 0.0),
}
SPARE = ("gemini/gemini-3-pro", "gemini")
OUTAGE = range(25, 29)  # hours before now in which the provider of router-default fails
PROMISES = (
    "up to 3 attempts on one model, then its fallbacks",
    "router-default falls back to router-deep, then local-qwen",
    "a model that fails twice in a minute is in cooldown for 60 s",
    "an answer begins within 30 s, or the next model is tried",
    "a client waits at most 4 s if every model refuses at once, and 95 s if no model responds",
    "one attempt may take 10 min; a stream may be silent for 30 s",
    "a stream that breaks off after its first byte ends with an error: it is not continued by another model",
)


def entry(dice: random.Random, number: int, run: int, at: float) -> Entry:
    """Return a request; during the outage it is answered by a fallback, or not at all."""
    model = dice.choices(list(MODELS), (5, 3, 2, 1))[0]
    deployment, provider, price, cost = MODELS[model]
    out = model == "router-default" and int((NOW.timestamp() - at) // 3600) in OUTAGE
    failed = dice.random() < (0.2 if out else 0.008)
    seconds, first = dice.lognormvariate(1.1, 0.7), dice.lognormvariate(-0.4, 0.4)
    tried = [Attempt(number, 1, at, model, deployment, "d1", "api.example:443", provider, seconds, 200, "", "")]
    if out:
        tried = [
            Attempt(number, 1, at, model, deployment, "d1", "api.example:443", provider, 2.1, 529, "overloaded", ""),
            Attempt(
                number, 2, at + 2.6, model, deployment, "d1", "api.example:443", provider, 1.9, 529, "overloaded", ""
            ),
            Attempt(
                number, 3, at + 4.6, "router-deep", *SPARE[:1], "d2", "ai.example:443", SPARE[1], seconds, 200, "", ""
            ),
        ]
        seconds, first, deployment, provider = seconds + 4.7, first + 4.7, *SPARE
    if failed:
        tried[-1] = tried[-1]._replace(status=503, error="server error")
    tokens = (int(dice.lognormvariate(8, 1)), int(dice.lognormvariate(5.5, 0.8)))
    known = None if failed else cost * dice.uniform(0.4, 2)
    answer = ("server error", 503) if failed else ("", 200)
    columns: tuple[Any, ...] = (
        *(number, at, run, f"{number % 2**48:012x}", dice.choice(CLIENTS), "/v1/chat/completions", "chat", model),
        *(deployment, provider, answer[1], answer[0], 1 if out else 0, 1 if out else 0, 0.6 if out else 0.0),
        *(None if failed else first, seconds, *((None, None) if failed else tokens)),
        *(None if failed else tokens[0] // 2, 0, known, "" if failed else price),
    )
    return Entry(Request(*columns), tuple(tried))


def entries(run: int) -> Iterator[Entry]:
    """Yield the requests of some weeks, most of them in working hours."""
    dice = random.Random(7)  # noqa: S311 - the same pictures every time
    for day in range(DAYS):
        for number in range(PER_DAY if (NOW.weekday() - day) % 7 < 5 else PER_DAY // 6):
            at = NOW.timestamp() - day * 86_400 - min(dice.expovariate(1 / 14_000), 60_000) - number % 7
            yield entry(dice, id_at(at) + number % 2048, run, at)


def fill(path: Path) -> None:
    """Write the ledger."""
    began = NOW.timestamp() - DAYS * 86_400
    store = Store(path, id_at(began), Run(7, "reliability", "1.108.7", 1, 0), began)
    run = int(store.connection.execute("SELECT max(id) FROM runs").fetchone()[0])
    store.write([Change(one) for one in entries(run)], [], NOW.timestamp(), 0)
    store.close(NOW.timestamp(), 0)


class Demo:
    """What the made-up gateway says."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.ledger = folder, folder / "ledger.sqlite"

    def overview(self) -> Overview:
        cooled = (self._folder / "cooled").exists()
        return Overview(
            config="config: /home/ada/gateway/flowgate.yaml (--config)",
            profile="reliability",
            how="serving",
            since="2026-11-26 09:12:31",
            promises=PROMISES,
            rehearsed="Rehearsed here on LiteLLM 1.108.7 in 9 scenarios (2026-11-25): 21 of 21 promises kept",
            services=[
                ServiceLine("litellm", "serving", True, "127.0.0.1:4000", "6 h 29 min", "412 MB", 0, "", GENERATIONS),
                ServiceLine("cliproxyapi_plus", "serving", True, "127.0.0.1:8317", "2 d 4 h", "58 MB", 1, "", []),
            ],
            cooldowns=[COOLDOWN] if cooled else [],
            notes=[],
            profiles=["balanced", "cost"],
            budgets=BUDGETS,
            verdicts=VERDICTS,
        )

    def measures(self) -> Measures:
        return Measures()

    def reports(self) -> Sequence[ReportLine]:
        return REPORTS

    def report(self, name: str) -> Report | None:
        line = next((one for one in REPORTS if one.name == name), None)
        return None if line is None else Report(line, TABLES, ["reliability: 'long' was left out: it takes a minute"])

    def accounts(self) -> Accounts:
        limits = ["codex team@example.org: 92 % of the 5h limit is used, until 2026-12-02T21:14:00Z"]
        return Accounts(ACCOUNTS, "", limits)

    def events(self, most: int) -> Sequence[EventLine]:
        return EVENTS[:most]

    def preview(self, act: str, value: str) -> Preview:
        if act != "switch":
            return Preview(f"{ACTS[act]}: {value}", ["This is a made-up gateway."], words=[act, value])
        lines = ["litellm serves reliability.", "A second LiteLLM starts, is tested, and takes over."]
        return Preview(f"Switch from reliability to {value}", lines, PROMISES[:1], CHEAP, DIFF, ["profile.set", value])

    def run(self, shown: Preview, on_line: Callable[[str], None]) -> int:
        """Say what a switch says, line by line, while the folder has a file `slow`."""
        for line in STEPS:
            on_line(line)
            poll(lambda: not (self._folder / "slow").exists(), Clock(), every=0.02, timeout=10.0)
        return 1 if "rehearse" in shown.words else 0

    def mask(self, text: str) -> str:
        return text


BUDGETS = (
    BudgetLine("everyday", "daily_usd", "$13.20", "$20.00", 66.0, "2026-11-27 00:00", "profile: cost", "ok"),
    BudgetLine("ci (ci)", "requests_per_day", "512", "500", 102.4, "2026-11-27 00:00", "refuse", "exhausted"),
)
KEPT_AT, AUDITED_AT = "2026-11-25 18:00:00", "2026-11-26 06:00:00"
VERDICTS = (
    PromiseLine("attempts on the primary per request", "at most 3", "kept", KEPT_AT, "kept", AUDITED_AT),
    PromiseLine("answered although the primary fails", "yes", "kept", KEPT_AT, "broken", AUDITED_AT),
    PromiseLine("cooldown after a failure", "60 s", "kept", KEPT_AT, "not exercised", AUDITED_AT),
)
REPORTS = (
    ReportLine("audit-2", "audit", AUDITED_AT, "one day, 300 requests", 1, "1 kept, 1 broken, 1 not exercised"),
    ReportLine("rehearsal-1", "rehearsal", KEPT_AT, "reliability, 9 scenarios", 0, "21 kept"),
)
TABLES = (
    ReportTable(
        "reliability: 300 requests (generation 7, LiteLLM 1.108.7)",
        ["promise", "promised", "observed", "verdict"],
        [
            ["attempts on the primary per request", "at most 3", "at most 3", "kept"],
            ["answered although the primary fails", "yes", "no", "broken"],
            ["cooldown after a failure", "60 s", "", "not exercised: no failure"],
        ],
    ),
)
CHEAP = ("one attempt on each model, then its fallbacks",)
DIFF = (
    *("--- reliability", "+++ cost", "@@ -1,5 +1,5 @@", " router_settings:", "-  num_retries: 2", "+  num_retries: 0"),
    *("-  cooldown_time: 60", "+  cooldown_time: 30"),
)
STEPS = (
    *("ok       Find the active profile", "changed  Render cost", "changed  Start a second LiteLLM"),
    *("ok       Wait until it is ready", "ok       Test the new LiteLLM", "changed  Activate cost"),
)
GENERATIONS = (
    "litellm generation 7 reliability (LiteLLM 1.108.7): serving, open connections: 3, requests in progress: 2",
    "litellm generation 6 cost (LiteLLM 1.108.7): draining, open connections: 1, requests in progress: 1",
)
COOLDOWN = CooldownLine(
    "litellm",
    "router-default",
    "anthropic/claude-sonnet-4-5",
    "529 overloaded, 2 failures in 41 s",
    "2026-11-26 15:42:48",
    "router-default",
)
ACCOUNTS = (
    AccountLine("claude", "ada@example.org", "active", "2026-12-24 08:00", "claude-ada.json", ""),
    AccountLine("codex", "ada@example.org", "active", "2026-12-02 21:14", "codex-ada.json", ""),
    AccountLine("codex", "team@example.org", "in cooldown", "2026-12-02 21:14", "codex-team.json", "quota exceeded"),
    AccountLine("gemini", "", "disabled", "", "gemini-old.json", "other users can read it (644)"),
)
EVENTS = (
    EventLine("2026-11-26 09:12:31", "profile_switch", "ok", "litellm", "reliability", "from cost, 0 requests dropped"),
    EventLine("2026-11-26 09:12:30", "service_start", "ok", "litellm", "reliability", "generation 7"),
    EventLine("2026-11-25 22:40:12", "cooldown", "ok", "litellm", "cost", "router-default: 529 overloaded"),
    EventLine(
        "2026-11-25 20:05:54", "service_exit", "failed", "cliproxyapi_plus", "", "generation 3: killed by SIGKILL"
    ),
    EventLine("2026-11-25 20:05:54", "service_restart", "ok", "cliproxyapi_plus", "", "generation 4"),
    EventLine("2026-11-25 18:00:00", "rehearsal", "ok", "", "reliability", "21 of 21 promises kept"),
    EventLine("2026-11-24 10:11:09", "login", "ok", "", "", "codex team@example.org"),
)


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    demo = Demo(folder)
    fill(demo.ledger)
    clock = Clock()._replace(wall=lambda: NOW)
    with sockets.listen("127.0.0.1", 0) as listener, control.listen(folder) as links:
        server = DashboardServer(demo, Access(listener.getsockname()[1]), 600.0, clock=clock)
        asyncio.run(server.run_on(listener, links))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
