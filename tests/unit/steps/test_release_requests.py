"""`release_requests` releases held requests, also if CLIProxyAPIPlus has not come back."""

from __future__ import annotations

from flowgate.domain import Change, Result
from flowgate.steps.release_requests import count_models, release_requests
from tests.unit.steps.conftest import Stage


def test_nothing_is_done_while_litellm_does_not_run(stage: Stage) -> None:
    assert isinstance(release_requests(stage.context().read_only()), Result)


def test_requests_are_released_even_if_no_model_is_listed(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm")
    found = release_requests(stage.context().read_only())
    assert isinstance(found, Change)
    assert found.apply(stage.context())["models"] == 0
    assert stage.supervisor.calls == [("release", "litellm")]


def test_an_unreachable_program_lists_no_models(stage: Stage) -> None:
    stage.prepared().supervisor.run("cliproxyapi_plus", port=stage.ports["upstream"])
    assert count_models(stage.context()) == 0
