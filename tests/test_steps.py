"""The contract of every step: file, function and test have one name, and it does not act while it looks."""

from __future__ import annotations

import contextlib
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowgate.context import StepContext
from flowgate.domain import Change, Result
from flowgate.errors import FlowGateError, StepContractError
from flowgate.playbook.catalog import describe, steps_in
from tests.unit.steps.conftest import Stage

STEPS = steps_in("flowgate.steps")
TESTS = Path(__file__).parent / "unit" / "steps"
Step = Callable[..., Any]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def nothing_there(stage: Stage) -> None:
    """A fresh clone."""


def prepared(stage: Stage) -> None:
    """The config is rendered, nothing runs."""
    stage.prepared()


def running(stage: Stage) -> None:
    """Everything runs; a new generation is ready beside the one that serves."""
    stage.prepared().supervisor.run("cliproxyapi_plus").run("litellm").run(
        "litellm", "ready", private_address=["127.0.0.1", 9]
    )
    stage.supervisor.started = [("litellm", 2)]


@pytest.mark.parametrize("place", [nothing_there, prepared, running])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_looks_without_acting(stage: Stage, name: str, place: Callable[[Stage], None]) -> None:
    place(stage)
    before = stage.tree()
    with contextlib.suppress(FlowGateError):
        found = STEPS[name](stage.context().read_only(), **required(STEPS[name]))
        assert isinstance(found, Result | Change)
        assert isinstance(found, Change) or found.status in ("unchanged", "skipped")
    assert (stage.tree(), stage.supervisor.calls) == (before, [])


def required(step: Step) -> dict[str, object]:
    """Return a value for each required parameter of a step."""
    params = [param for param in describe(step, "").params.values() if param.required]
    return {param.argument: 1 if param.kind in (int, float) else "codex" for param in params}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_documents_its_parameters_and_result(name: str) -> None:
    function, info = STEPS[name], describe(STEPS[name], name)
    first, hints = next(iter(inspect.signature(function).parameters)), typing.get_type_hints(function)
    assert (first, hints["context"]) == ("context", StepContext)
    assert hints["return"] in (Result | Change, Change, Result)
    assert info.summary.endswith(".")
    assert info.returns
    assert [param.name for param in info.params.values() if not param.meaning] == []


@pytest.mark.parametrize("name", STEPS)
def test_every_step_has_a_file_and_a_test_of_its_name(name: str) -> None:
    assert STEPS[name].__module__ == f"flowgate.steps.{name}"
    assert (TESTS / f"test_{name}.py").is_file()
    module = inspect.getmodule(STEPS[name])
    assert module is not None
    assert (module.__doc__ or "").strip().endswith(".")


ACTS: dict[str, Callable[[StepContext], object]] = {
    "write": lambda context: context.files.write(context.runtime / "x", "x"),
    "delete": lambda context: context.files.delete([context.runtime / "x"]),
    "make a folder": lambda context: context.files.make_folder(context.runtime),
    "append": lambda context: context.files.append(context.runtime / "x", "x"),
    "tell an event": lambda context: context.event("smoke"),
    "make keys": lambda context: context.generate_keys(),
    "compile": lambda context: context.compile_environment(),
    "sleep": lambda context: context.clock.sleep(1),
    "start": lambda context: context.supervisor.start(None),  # type: ignore[arg-type]
    "stop": lambda context: context.supervisor.stop(["litellm"]),
    "promote": lambda context: context.supervisor.promote("litellm", 1, "d"),
    "discard": lambda context: context.supervisor.discard("litellm", 1),
    "finish": lambda context: context.supervisor.finish(keep=True),
    "ask with a body": lambda context: context.http.post("http://127.0.0.1:9/", {}),
    "stream": lambda context: list(context.http.stream("http://127.0.0.1:9/", {})),
    "ask a stranger": lambda context: context.http.get("http://192.0.2.1/"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_step_cannot_act_while_it_looks(stage: Stage, act: str) -> None:
    with pytest.raises(StepContractError, match="while looking"):
        ACTS[act](stage.context().read_only())
    assert (stage.tree(), stage.supervisor.calls) == ({}, [])


def test_a_read_only_context_stays_read_only(stage: Stage) -> None:
    with pytest.raises(StepContractError):
        stage.context().read_only().read_only().supervisor.discard("litellm", 1)
