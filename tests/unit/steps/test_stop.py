from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.steps.stop import stop

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def test_stopping_what_does_not_run_changes_nothing(stage: Stage) -> None:
    assert stage.apply(stop)[0] == "unchanged"
    assert stage.supervisor.calls == []


def test_all_services_are_stopped_and_named(stage: Stage) -> None:
    stage.supervisor.run("litellm").run("cliproxyapi_plus")
    status, facts = stage.apply(stop)
    assert (status, stage.supervisor.calls) == ("changed", [("stop", "cliproxyapi_plus", "litellm")])
    assert facts["message"] == "stopped cliproxyapi_plus (process 7), litellm (process 7)"


def test_one_service_can_be_stopped_alone(stage: Stage) -> None:
    stage.supervisor.run("litellm").run("cliproxyapi_plus")
    stage.apply(stop, service="litellm")
    assert stage.supervisor.calls == [("stop", "litellm")]


def test_orphans_of_a_killed_supervisor_are_stopped(stage: Stage) -> None:
    stage.supervisor.run("litellm", "orphaned")
    assert stage.apply(stop)[0] == "changed"


def test_only_what_this_run_started_is_stopped(stage: Stage) -> None:
    stage.supervisor.run("litellm").run("cliproxyapi_plus").started = [("litellm", 1)]
    stage.apply(stop, service="started")
    assert stage.supervisor.calls == [("stop", "litellm")]


def test_a_candidate_beside_a_serving_generation_is_only_discarded(stage: Stage) -> None:
    stage.supervisor.run("litellm").run("litellm", "ready").started = [("litellm", 2)]
    stage.apply(stop, service="started")
    assert stage.supervisor.calls == [("discard", "litellm", 2)]


def test_a_run_that_started_nothing_stops_nothing(stage: Stage) -> None:
    stage.supervisor.run("litellm")
    assert stage.apply(stop, service="started")[0] == "unchanged"
