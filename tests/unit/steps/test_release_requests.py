"""`let_go` lets questions go on, also when CLIProxyAPIPlus has not come back."""

from __future__ import annotations

from flowgate.domain import Result, Todo
from flowgate.steps.release_requests import let_go, models
from tests.unit.steps.conftest import Stage


def test_where_nobody_waits_nothing_is_done(stage: Stage) -> None:
    assert isinstance(let_go(stage.reach().looking()), Result)


def test_questions_go_on_even_when_no_model_is_listed(stage: Stage) -> None:
    stage.prepared().keeper.run("litellm")
    found = let_go(stage.reach().looking())
    assert isinstance(found, Todo)
    assert found.do(stage.reach())["models"] == 0
    assert stage.keeper.asked == [("let", "litellm")]


def test_a_program_that_is_away_lists_nothing(stage: Stage) -> None:
    stage.prepared().keeper.run("cliproxyapi_plus", port=stage.ports["upstream"])
    assert models(stage.reach()) == 0
