"""Ledgers with the traffic of an outage, written by the store as a generation does it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowgate.audit.audit import Audit
from flowgate.audit.result import AuditedPromise
from flowgate.gateway import recorded_promises
from flowgate.ledger import database
from flowgate.ledger.entries import Attempt, Entry, Request, Run
from flowgate.ledger.store import Change, Store
from flowgate.ledger.usage import Span
from tests.unit.gateway.test_policy import COMMON, compiled
from tests.unit.ledger.conftest import NOW, id_of

DEFAULT, CHEAP = "router-default", "router-cheap"
MEASURED = "1.106.2"
# model, begin after the request's arrival, error, status, duration, and perhaps Retry-After
Try = tuple[str, float, str, int | None, float] | tuple[str, float, str, int | None, float, int | None]


def promises(profile: str = "reliability", **router: Any) -> str:
    """Return recorded promises: by default 3 retries, a cooldown of 60 s after two failed requests."""
    settings = {**COMMON[profile], "router_settings": router} if router else COMMON[profile]
    return recorded_promises.to_text(compiled(settings, version=MEASURED))


def good(model: str = DEFAULT, after: float = 0.0) -> Try:
    """Make an attempt that answers."""
    return model, after, "", 200, 0.4


def bad(model: str = DEFAULT, after: float = 0.0, status: int | None = 500, error: str = "InternalServerError") -> Try:
    """Make an attempt that fails."""
    return model, after, error, status, 0.1


def asks(seconds: int | None, status: int = 429, after: float = 0.0) -> Try:
    """Make an attempt that fails with Retry-After; -1: without it, None: by a FlowGate that did not record it."""
    return DEFAULT, after, "RateLimitError", status, 0.1, seconds


def cold(model: str = DEFAULT, after: float = 0.0) -> Try:
    """Make an attempt for which no deployment was left."""
    return model, after, "in cooldown", 429, 0.0


def failing(count: int, pause: float = 1.0) -> list[Try]:
    """Make attempts that fail one after another, and a fallback that answers."""
    return [*(bad(after=number * pause) for number in range(count)), good(CHEAP, count * pause)]


class Asked(NamedTuple):
    """A request: when it arrives, and its attempts."""

    at: float
    tries: Sequence[Try]
    model: str = DEFAULT
    obstacle: str = ""
    name: str = ""


OUTAGE = [  # as promised: four attempts, then one, then a cooldown, and back
    Asked(0, [good()]),
    Asked(10, failing(4)),
    Asked(20, failing(1)),
    Asked(30, [cold(), good(CHEAP, 0.01)]),
    Asked(60, [cold(), good(CHEAP, 0.01)]),
    Asked(90, [good()]),
]


def entry(asked: Asked, run: int) -> Entry:
    """Return a request as the ledger holds it."""
    at = NOW + asked.at
    number = id_of(at)
    last = asked.tries[-1]
    answer = ("", 200) if not last[2] else (last[2], last[3])
    seconds = last[1] + last[4]
    who = (
        asked.name or f"r{asked.at:g}",
        "codex",
        "/v1/chat/completions",
        "chat",
        asked.model,
        f"openai/{last[0]}",
        "openai",
    )
    request = Request(number, at, run, *who, answer[1], answer[0], 0, 0, 0.0, 0.1, seconds, 1, 1, 0, 0, 0.0, "list")
    made = []
    for place, (model, after, error, status, took, *named) in enumerate(asked.tries, 1):
        deployment = "" if error == "in cooldown" else f"openai/{model}"
        obstacle = asked.obstacle if error else ""
        made.append(
            Attempt(
                number,
                place,
                at + after,
                model,
                deployment,
                f"id-{model}",
                "h:1",
                "openai",
                took,
                status,
                error,
                obstacle,
                *named,
            )
        )
    return Entry(request, tuple(made))


class Traffic:
    """A ledger that requests are written into."""

    def __init__(self, path: Path) -> None:
        self.path, self.generation = path, 0

    def write(
        self,
        asked: Sequence[Asked],
        text: str | None = None,
        profile: str = "balanced",
        version: str = MEASURED,
        worker: int = 1,
    ) -> None:
        """Write what one generation served; a worker after the first one belongs to the same generation."""
        self.generation += worker == 1
        text = promises() if text is None else text
        number = id_of(NOW - 100 + self.generation)
        run = Run(self.generation, profile, version, os.getpid(), 0, text, worker)
        store = Store(self.path, number, run, NOW)
        store.write([Change(entry(one, number)) for one in asked], [], NOW, 0)
        store.close(NOW, 0)

    def audit(self, profile: str = "") -> Audit:
        """Audit everything."""
        connection = database.open_to_read(self.path)
        assert connection is not None
        try:
            return Audit(connection, Span(NOW - 1000, NOW + 100_000), profile)
        finally:
            connection.close()

    def promises(self, place: int = 0) -> dict[str, AuditedPromise]:
        """Audit everything; return the promises of one profile."""
        return {one["promise"]: one for one in self.audit().profiles()[place]["promises"]}

    def verdicts(self, place: int = 0) -> dict[str, str]:
        """Audit everything; return the verdicts on one profile."""
        return {promise: one["verdict"] for promise, one in self.promises(place).items()}


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    """An empty ledger."""
    return Traffic(tmp_path / "runtime" / "ledger.sqlite")
