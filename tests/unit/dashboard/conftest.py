"""A dashboard over a synthetic ledger and fixed data, asked without a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flowgate.dashboard.access import Access
from flowgate.dashboard.app import Dashboard
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
from flowgate.errors import EnvironmentFailure, UnknownName
from flowgate.system.clock import Clock
from tests.unit.ledger.conftest import NOW, entry, record

PORT = 4999
ORIGIN = f"http://127.0.0.1:{PORT}"
CANARY = "sk-canary-secret"


@dataclass
class FakeSources:
    """Fixed data; it can fail, and has a known secret."""

    ledger: Path
    broken: str = ""
    extra_events: list[EventLine] = field(default_factory=list)
    ran: list[Sequence[str]] = field(default_factory=list)
    may_end: threading.Event = field(default_factory=threading.Event)
    code: int = 0
    state: Measures = field(default_factory=Measures)
    kept: list[ReportLine] = field(default_factory=list)

    def overview(self) -> Overview:
        if self.broken:
            raise EnvironmentFailure(self.broken)
        services = [ServiceLine("litellm", "serving", True, "127.0.0.1:4000", "2 h", "300 MB", 1, "", ["generation 7"])]
        cooldowns = [CooldownLine("litellm", "router-default", "openai/a", "429", "12:00")]
        promises = ["up to 2 attempts on one model", f"uses {CANARY}"]
        return Overview(
            *("config: x", "balanced", "serving", "", promises, "rehearsed", services, cooldowns, ["a note"], ["cost"]),
            budgets=[BudgetLine("everyday", "daily_usd", "$19.00", "$20.00", 95.0, "0:00", "then <b>", "warned")],
            verdicts=[PromiseLine("attempts <1>", "at most 4", "kept", "2026-01-01", "broken", "2026-01-02")],
        )

    def measures(self) -> Measures:
        return self.state

    def reports(self) -> Sequence[ReportLine]:
        return self.kept

    def report(self, name: str) -> Report | None:
        line = next((one for one in self.kept if one.name == name), None)
        table = ReportTable(f"of {CANARY}", ["promise", "verdict"], [["<i>attempts</i>", "broken: twice"]])
        return None if line is None else Report(line, [table], [f"a note on {CANARY}"])

    def accounts(self) -> Accounts:
        if self.broken:
            raise EnvironmentFailure(self.broken)
        return Accounts(
            [AccountLine("codex", "a@b.c", "active", "2026-12-01", "codex.json", "")],
            "it is not running",
            ["codex a@b.c: 92 % of the <5h> limit is used"],
        )

    def events(self, most: int) -> Sequence[EventLine]:
        return [*self.extra_events, EventLine("2026-01-01 00:00:00", "profile_switch", "ok", "", "cost", "x")][:most]

    def preview(self, act: str, value: str) -> Preview:
        if (act, value) not in (("switch", "cost"), ("clear", "m")):
            raise UnknownName("act", act, known=("switch",))
        return Preview(f"Switch to {value}", ["it is tested"], ["gone"], ["come"], ["-a: 1", "+a: 2"], [act, value])

    def run(self, shown: Preview, on_line: Callable[[str], None]) -> int:
        self.ran.append(shown.words)
        on_line(f"began with {CANARY}")
        self.may_end.wait(60)
        on_line("ended")
        return self.code

    def mask(self, text: str) -> str:
        return text.replace(CANARY, "***")


@dataclass
class Browser:
    """A browser with its cookies, and the dashboard that it asks."""

    client: TestClient
    access: Access
    sources: FakeSources
    stopped: list[str]
    link: str

    @property
    def cookie(self) -> str:
        return self.client.cookies[self.access.cookie_name]

    def token(self) -> str:
        return self.page("/events").partition('name="csrf" content="')[2].partition('"')[0]

    def open_link(self) -> None:
        assert self.client.get(self.link).status_code == 200

    def page(self, path: str) -> str:
        found = self.client.get(path)
        assert found.status_code == 200, found.text
        return found.text


@pytest.fixture
def new_browser(tmp_path: Path) -> Callable[..., Browser]:
    def make(on_request: Callable[[], None] = lambda: None) -> Browser:
        sources, access, stopped = FakeSources(tmp_path / "ledger.sqlite"), Access(PORT), list[str]()
        clock = Clock()._replace(wall=lambda: datetime.fromtimestamp(NOW + 1800, UTC))
        app = Dashboard(sources, clock, access, lambda: stopped.append("x"), on_request).app()
        return Browser(TestClient(app, base_url=ORIGIN), access, sources, stopped, access.new_link())

    return make


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    """A browser that has opened the link."""
    made = new_browser()
    made.open_link()
    return made


@pytest.fixture
def stranger(new_browser: Callable[[], Browser]) -> Browser:
    """A browser that has not opened the link."""
    return new_browser()


def fill(path: Path) -> None:
    """Record a request that was answered at once, a failed one, and one with a fallback, by two clients."""
    quick, failed = entry(at=NOW + 1), entry(at=NOW + 2, client="aider", status=503, error="server error", cost=None)
    slow = entry(at=NOW + 3, model="router-default", seconds=9.0, fallbacks=1, price="subscription")
    first, second = slow.attempts[0], slow.attempts[0]
    tried = (
        first._replace(error="timeout", status=None, seconds=6.0),
        second._replace(number=2, at=NOW + 9, seconds=3.0, deployment="openai/spare"),
    )
    record(path, quick, failed, slow._replace(attempts=tried))
