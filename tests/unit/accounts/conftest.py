"""Logins over a running embedded upstream: a person who clicks, a clock that runs twenty times as fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.context import StepContext
from flowgate.steps.login import login
from flowgate.system.clock import Clock
from tests.contract.subject import API, MANAGEMENT, Subject, misbehaving
from tests.unit.steps.conftest import Stage

HASTE = 20.0
Person = Callable[["Desk", str], None]


@dataclass
class Desk:
    """Somebody logs in here. person: what they do with an address they are shown"""

    stage: Stage
    subject: Subject
    person: Person
    shown: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    browses: bool = False
    keys: dict[str, str] = field(default_factory=lambda: {"MANAGEMENT_KEY": MANAGEMENT, "UPSTREAM_API_KEY": API})

    def context(self) -> StepContext:
        """Give the acting reach."""
        hasty = Clock(now=lambda: time.monotonic() * HASTE, sleep=lambda s: time.sleep(s / HASTE))
        context = replace(
            self.stage.context(), clock=hasty, emit=self._tell, read_line=self._listen, open_browser=self._browse
        )
        return replace(context, environment=self.keys)

    def log_in(self, provider: str = "codex", **more: Any) -> dict[str, Any]:
        """Log in; a refusal is raised."""
        context = self.context()
        found = login(context.read_only(), provider, **{"poll_interval": 1.0, "timeout": 60.0, **more})
        facts: dict[str, Any] = found.apply(context)  # type: ignore[union-attr]
        return facts

    @property
    def auth(self) -> Path:
        return self.stage.folder / ".router" / "auths"

    def misbehave(self, *modes: str) -> None:
        """Set how the upstream misbehaves from now on (`tests/contract/misbehaving.py` names the modes)."""
        answer = self.subject.ask("PUT", "/misbehave", json={"modes": modes})
        assert answer.status_code == 200, answer.text

    def _tell(self, text: str) -> None:
        self.stage.told.append(text)
        if text.startswith("open this address: "):
            self.shown.append(text.removeprefix("open this address: "))
            self.person(self, self.shown[-1])

    def _listen(self, seconds: float) -> str:
        time.sleep(seconds / HASTE)
        return self.typed.pop(0) if self.typed else ""

    def _browse(self, url: str) -> bool:
        if self.browses:
            self.shown.append(url)
            self.person(self, url)
        return self.browses


def state_of(url: str) -> str:
    """Give the state in an address."""
    return url.partition("state=")[2].partition("&")[0]


def decides(decision: str) -> Person:
    """Give a person who clicks a button, and whose browser goes where it is sent."""

    def act(desk: Desk, url: str) -> None:
        form = {"state": state_of(url), "decision": decision, "account": "me@example.com"}
        answer = desk.subject.ask("POST", "/embedded/approve", key="", data=form)
        if answer.status_code == 303:
            desk.subject.http.get(answer.headers["location"].replace("localhost", "127.0.0.1"), timeout=5)

    return act


approves, denies = decides("approve"), decides("deny")


def idles(desk: Desk, url: str) -> None:
    """Do nothing."""


@pytest.fixture(scope="module", params=["6.8", "7.2"])
def upstream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """One embedded upstream of each contract, for a whole file of tests."""
    root = tmp_path_factory.mktemp("auth")
    auth = root / "stage" / ".router" / "auths"
    auth.mkdir(parents=True, mode=0o700)
    # No made-up person's browser may come back to a vendor's usual port: a real login could be under way there.
    program = misbehaving(request.param, {"all": 0})
    subject = Subject(program, root, {}, {"proxy-url": "", "auth-dir": str(auth)}).start()
    yield subject
    subject.stop()


@pytest.fixture
def desk(upstream: Subject) -> Iterator[Desk]:
    """A person who approves, over an upstream that does not misbehave and has no accounts."""
    stage = Stage(upstream.root / "stage")
    stage.supervisor.run("cliproxyapi_plus", host="127.0.0.1", port=upstream.port)
    for path in (stage.folder / ".router" / "auths").glob("*"):
        path.unlink()
    found = Desk(stage, upstream, approves)
    found.misbehave()
    yield found
    found.misbehave()


@pytest.fixture
def newer(upstream: Subject) -> bool:
    """Say which contract it keeps."""
    return "7.2" in upstream.program
