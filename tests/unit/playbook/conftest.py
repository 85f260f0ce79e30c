"""A stage for plays: fake steps, a fake reach, a list for a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from flowgate.domain import Report, Result, Todo
from flowgate.errors import CheckFailed, Unreachable
from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check as check_plays
from flowgate.playbook.executor import Event, run
from flowgate.playbook.parse import parse


@dataclass
class Clock:
    """Each question takes a second; naps are only noted."""

    naps: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def now(self) -> float:
        self.seconds += 1
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)


@dataclass
class Reach:
    clock: Clock
    acts: list[str] = field(default_factory=list)
    acting: bool = True
    looks: int = 0

    def looking(self) -> Reach:
        return Reach(self.clock, self.acts, acting=False)


def write(reach: Reach, text: str = "x", content: bool = False) -> Result | Todo:
    """Write a text."""

    def act(acting: Reach) -> dict[str, Any]:
        assert acting.acting
        acting.acts.append(text)
        return {"written": text, "count": len(acting.acts)}

    assert not reach.acting
    if content:
        return Result("same", "already written", {"written": text})
    return Todo(f"write {text}", act, {"written": text, "count": 0})


def ask(reach: Reach) -> Todo:
    """Ask a question; nothing changes."""
    return Todo("ask", lambda acting: {"answer": 42}, {"answer": None}, changes=False)


def refuse(reach: Reach, until: int = 10**6) -> Result:
    """Be refused until the clock has been asked often enough."""
    reach.acts.append("refuse")
    if len(reach.acts) < until:
        raise Unreachable("nobody answers", hint="ask again")
    return Result("same", "answered", {"status": 200})


def stumble(reach: Reach) -> Result:
    """Have a bug."""
    raise KeyError("bug")


def press(reach: Reach, word: str = "pressed") -> Result:
    """Press Ctrl-C."""
    reach.acts.append(word)
    raise KeyboardInterrupt


def doubt(reach: Reach) -> Result:
    """Say no."""
    raise CheckFailed("no")


STEPS: dict[str, Callable[..., Any]] = {step.__name__: step for step in (write, ask, refuse, stumble, press, doubt)}


@dataclass
class Stage:
    """Parses, checks and runs a playbook's text; keeps what was told, done and napped."""

    catalog: Catalog = field(default_factory=lambda: Catalog(STEPS))
    reach: Reach = field(default_factory=lambda: Reach(Clock()))
    told: list[Event] = field(default_factory=list)

    @property
    def naps(self) -> list[float]:
        return self.reach.clock.naps

    @property
    def acts(self) -> list[str]:
        return self.reach.acts

    def check(self, text: str, *names: str) -> None:
        check_plays(parse(text, "play.yml"), self.catalog, names)

    def run(self, text: str, **options: Any) -> Report:
        (play,) = parse(text, "play.yml")
        variables, tell = options.pop("variables", {}), options.pop("tell", self.told.append)
        check_plays([play], self.catalog, variables, defaults=options.get("defaults", {}))
        return run(play, self.reach, variables, catalog=self.catalog, tell=tell, **options)


@pytest.fixture
def stage() -> Stage:
    return Stage()
