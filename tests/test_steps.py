"""The contract of every step, also of those not written yet: a file, a function, a test of one name; look, then act."""

from __future__ import annotations

import contextlib
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowgate.context import Reach
from flowgate.domain import Result, Todo
from flowgate.errors import ContractBroken, Refusal
from flowgate.playbook.catalog import describe, steps_in
from tests.unit.steps.conftest import Stage

STEPS = steps_in("flowgate.steps")
ROOMS = Path(__file__).parent / "steps"
Step = Callable[..., Any]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def nothing_there(stage: Stage) -> None:
    """A fresh clone."""


def prepared(stage: Stage) -> None:
    """Everything is rendered, nothing runs."""
    stage.prepared()


def running(stage: Stage) -> None:
    """Everything runs; a candidate waits beside the one that serves."""
    stage.prepared().keeper.run("cliproxyapi_plus").run("litellm").run("litellm", "ready", door=["127.0.0.1", 9])
    stage.keeper.started = [("litellm", 2)]


@pytest.mark.parametrize("place", [nothing_there, prepared, running])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_looks_without_acting(stage: Stage, name: str, place: Callable[[Stage], None]) -> None:
    place(stage)
    before = stage.tree()
    with contextlib.suppress(Refusal):
        found = STEPS[name](stage.reach().looking(), **required(STEPS[name]))
        assert isinstance(found, Result | Todo)
        assert isinstance(found, Todo) or found.status in ("same", "skipped")
    assert (stage.tree(), stage.keeper.asked) == (before, [])


def required(step: Step) -> dict[str, object]:
    """Give a step's required parameters some value of their type."""
    params = [param for param in describe(step, "").params.values() if param.required]
    return {param.argument: 1 if param.kind in (int, float) else "codex" for param in params}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_says_what_it_takes_and_gives(name: str) -> None:
    function, info = STEPS[name], describe(STEPS[name], name)
    first, hints = next(iter(inspect.signature(function).parameters)), typing.get_type_hints(function)
    assert (first, hints["reach"]) == ("reach", Reach)
    assert hints["return"] in (Result | Todo, Todo, Result)
    assert info.summary.endswith(".")
    assert info.gives
    assert [param.name for param in info.params.values() if not param.meaning] == []


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_alone_in_its_file_and_has_a_test_of_its_name(name: str) -> None:
    assert STEPS[name].__module__ == f"flowgate.steps.{name}"
    assert (ROOMS / f"test_{name}.py").is_file()
    module = inspect.getmodule(STEPS[name])
    assert module is not None
    assert (module.__doc__ or "").strip().endswith(".")


ACTS: dict[str, Callable[[Reach], object]] = {
    "write": lambda reach: reach.files.write(reach.runtime / "x", "x"),
    "delete": lambda reach: reach.files.delete([reach.runtime / "x"]),
    "make a folder": lambda reach: reach.files.make_folder(reach.runtime),
    "append": lambda reach: reach.files.append(reach.runtime / "x", "x"),
    "tell an event": lambda reach: reach.event("smoke"),
    "make keys": lambda reach: reach.generate_keys(),
    "compile": lambda reach: reach.compile_environment(),
    "sleep": lambda reach: reach.clock.sleep(1),
    "start": lambda reach: reach.keeper.start(None),  # type: ignore[arg-type]
    "stop": lambda reach: reach.keeper.stop(["litellm"]),
    "promote": lambda reach: reach.keeper.promote("litellm", 1),
    "dismiss": lambda reach: reach.keeper.dismiss("litellm", 1),
    "finish": lambda reach: reach.keeper.finish(keep=True),
    "ask with a body": lambda reach: reach.http.post("http://127.0.0.1:9/", {}),
    "stream": lambda reach: list(reach.http.stream("http://127.0.0.1:9/", {})),
    "ask a stranger": lambda reach: reach.http.get("http://192.0.2.1/"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_step_that_acts_while_it_looks_breaks_its_contract(stage: Stage, act: str) -> None:
    with pytest.raises(ContractBroken, match="while looking"):
        ACTS[act](stage.reach().looking())
    assert (stage.tree(), stage.keeper.asked) == ({}, [])


def test_looking_twice_is_still_looking(stage: Stage) -> None:
    with pytest.raises(ContractBroken):
        stage.reach().looking().looking().keeper.dismiss("litellm", 1)
