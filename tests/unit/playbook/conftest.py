"""A stage for plays: fake steps, a fake context and a fake clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from flowgate.domain import Change, Report, Result
from flowgate.errors import CheckFailed, Unreachable
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check as check_plays
from flowgate.playbook.executor import run
from flowgate.playbook.parse import parse
from flowgate.playbook.run_options import Event, RunOptions


@dataclass
class Clock:
    """A fake clock: each reading advances it by a second, and sleeps are only recorded."""

    naps: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def now(self) -> float:
        self.seconds += 1
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)


@dataclass
class StepContext:
    clock: Clock
    acts: list[str] = field(default_factory=list)
    acting: bool = True
    looks: int = 0

    def read_only(self) -> StepContext:
        return StepContext(self.clock, self.acts, acting=False)


def write(context: StepContext, text: str = "x", content: bool = False) -> Result | Change:
    """Write a text."""

    def act(acting: StepContext) -> dict[str, Any]:
        assert acting.acting
        acting.acts.append(text)
        return {"written": text, "count": len(acting.acts)}

    assert not context.acting
    if content:
        return Result("unchanged", "already written", {"written": text})
    return Change(f"write {text}", act, {"written": text, "count": 0})


def ask(context: StepContext) -> Change:
    """Do work that changes nothing."""
    return Change("ask", lambda acting: {"answer": 42}, {"answer": None}, changes=False)


def refuse(context: StepContext, until: int = 10**6) -> Result:
    """Fail until it was called often enough."""
    context.acts.append("refuse")
    if len(context.acts) < until:
        raise Unreachable("nobody answers", fix="ask again")
    return Result("unchanged", "answered", {"status": 200})


def stumble(context: StepContext) -> Result:
    """Raise an exception that is a bug."""
    raise KeyError("bug")


def press(context: StepContext, word: str = "pressed") -> Result:
    """Press Ctrl-C."""
    context.acts.append(word)
    raise KeyboardInterrupt


def doubt(context: StepContext) -> Result:
    """Fail a check."""
    raise CheckFailed("no")


STEPS: dict[str, Callable[..., Any]] = {step.__name__: step for step in (write, ask, refuse, stumble, press, doubt)}


@dataclass
class Stage:
    """Parses, checks and runs the text of a playbook, and records events, actions and sleeps."""

    catalog: Catalog = field(default_factory=lambda: Catalog(STEPS))
    context: StepContext = field(default_factory=lambda: StepContext(Clock()))
    events: list[Event] = field(default_factory=list)

    @property
    def naps(self) -> list[float]:
        return self.context.clock.naps

    @property
    def acts(self) -> list[str]:
        return self.context.acts

    def check(self, text: str, *names: str) -> None:
        check_plays(parse(text, "play.yml"), self.catalog, names)

    def run(self, text: str, **options: Any) -> Report:
        (play,) = parse(text, "play.yml")
        variables = options.pop("variables", {})
        check_plays([play], self.catalog, variables, defaults=options.get("defaults", {}))
        return run(play, self.context, variables, self.catalog, RunOptions(**{"emit": self.events.append, **options}))


@pytest.fixture
def stage() -> Stage:
    return Stage()
