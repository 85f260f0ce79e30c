"""`let_go` lets questions go on, also when CLIProxyAPIPlus has not come back."""

from __future__ import annotations

from flowgate.domain import Change, Result
from flowgate.steps.release_requests import models, release_requests
from tests.unit.steps.conftest import Stage


def test_where_nobody_waits_nothing_is_done(stage: Stage) -> None:
    assert isinstance(release_requests(stage.context().read_only()), Result)


def test_questions_go_on_even_when_no_model_is_listed(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm")
    found = release_requests(stage.context().read_only())
    assert isinstance(found, Change)
    assert found.apply(stage.context())["models"] == 0
    assert stage.supervisor.asked == [("let", "litellm")]


def test_a_program_that_is_away_lists_nothing(stage: Stage) -> None:
    stage.prepared().supervisor.run("cliproxyapi_plus", port=stage.ports["upstream"])
    assert models(stage.context()) == 0
