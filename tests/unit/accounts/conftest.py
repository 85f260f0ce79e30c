"""Logins over a running embedded upstream, with a fake user and a clock that is twenty times as fast."""

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

CLOCK_FACTOR = 20.0
PATIENT = 60.0 * CLOCK_FACTOR  # a minute by the fast clock
User = Callable[["LoginStage", str], None]


@dataclass
class LoginStage:
    """A terminal with a user; `user` is what the user does with a URL that is shown."""

    stage: Stage
    subject: Subject
    user: User
    shown: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    browses: bool = False
    keys: dict[str, str] = field(default_factory=lambda: {"MANAGEMENT_KEY": MANAGEMENT, "UPSTREAM_API_KEY": API})

    def context(self) -> StepContext:
        """Return the acting context."""
        fast_clock = Clock(now=lambda: time.monotonic() * CLOCK_FACTOR, sleep=lambda s: time.sleep(s / CLOCK_FACTOR))
        context = replace(
            self.stage.context(), clock=fast_clock, emit=self._tell, read_line=self._listen, open_browser=self._browse
        )
        return replace(context, environment=self.keys)

    def log_in(self, provider: str = "codex", **more: Any) -> dict[str, Any]:
        """Log in, and return the facts; errors are raised."""
        context = self.context()
        found = login(context.read_only(), provider, **{"poll_interval": 1.0, "timeout": PATIENT, **more})
        return dict(found.apply(context))  # type: ignore[union-attr]

    @property
    def auth(self) -> Path:
        return self.stage.folder / ".router" / "auths"

    def misbehave(self, *modes: str) -> None:
        """Set how the upstream misbehaves from now on (`tests/contract/misbehaving.py` names the modes)."""
        answer = self.subject.ask("PUT", "/misbehave", json={"modes": modes})
        assert answer.status_code == 200, answer.text

    def _tell(self, text: str) -> None:
        self.stage.messages.append(text)
        if text.startswith("open this URL: "):
            self.shown.append(text.removeprefix("open this URL: "))
            self.user(self, self.shown[-1])

    def _listen(self, seconds: float) -> str:
        time.sleep(seconds / CLOCK_FACTOR)
        return self.typed.pop(0) if self.typed else ""

    def _browse(self, url: str) -> bool:
        if self.browses:
            self.shown.append(url)
            self.user(self, url)
        return self.browses


def state_of(url: str) -> str:
    """Return the state in a URL."""
    return url.partition("state=")[2].partition("&")[0]


def decides(decision: str) -> User:
    """Return a user who clicks a button, and whose browser follows the redirect."""

    def act(login_stage: LoginStage, url: str) -> None:
        form = {"state": state_of(url), "decision": decision, "account": "me@example.com"}
        answer = login_stage.subject.ask("POST", "/embedded/approve", key="", data=form)
        if answer.status_code == 303:
            login_stage.subject.http.get(answer.headers["location"].replace("localhost", "127.0.0.1"), timeout=60)

    return act


approves, denies = decides("approve"), decides("deny")


def does_nothing(login_stage: LoginStage, url: str) -> None:
    """Do nothing."""


@pytest.fixture(scope="module", params=["6.8", "7.2"])
def upstream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """An embedded upstream of each line, for a whole module."""
    root = tmp_path_factory.mktemp("auth")
    auth = root / "stage" / ".router" / "auths"
    auth.mkdir(parents=True, mode=0o700)
    # The fake browser must not use a vendor's usual callback port: a real login could be in progress there.
    program = misbehaving(request.param, {"all": 0})
    subject = Subject(program, root, {}, {"proxy-url": "", "auth-dir": str(auth)}).start()
    yield subject
    subject.stop()


@pytest.fixture
def login_stage(upstream: Subject) -> Iterator[LoginStage]:
    """A user who approves, over an upstream that does not misbehave and has no accounts."""
    stage = Stage(upstream.root / "stage")
    stage.supervisor.run("cliproxyapi_plus", host="127.0.0.1", port=upstream.port)
    for path in (stage.folder / ".router" / "auths").glob("*"):
        path.unlink()
    found = LoginStage(stage, upstream, approves)
    found.misbehave()
    yield found
    found.misbehave()


@pytest.fixture
def newer(upstream: Subject) -> bool:
    """Return whether the upstream behaves like the newer line."""
    return "7.2" in upstream.program
