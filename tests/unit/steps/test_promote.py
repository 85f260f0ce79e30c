from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.errors import EnvironmentFailure, Unreachable
from flowgate.steps.promote import promote

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def state(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.config.paths.state_file.read_text())
    return found


def events(stage: Stage) -> list[dict[str, str]]:
    return [json.loads(line) for line in (stage.runtime / "events.log").read_text().splitlines()]


def test_nothing_is_written_when_the_supervisor_goes_away(stage: Stage) -> None:
    stage.prepared().litellm().litellm("ready")

    def fail(service: str, generation: int, digest: str, timeout: float = 30.0) -> None:
        raise Unreachable("the supervisor went away")

    stage.supervisor.promote = fail  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        stage.apply(promote)
    assert not stage.config.paths.state_file.exists()


@pytest.mark.parametrize("phase", ["ready", "serving"])
def test_a_generation_of_another_profile_is_never_recorded_as_this_one(stage: Stage, phase: str) -> None:
    stage.prepared().litellm(phase, "balanced")
    with pytest.raises(EnvironmentFailure, match="runs other settings"):
        stage.apply(promote, stage.context("cost"))
    assert not stage.config.paths.state_file.exists()
    assert not stage.config.paths.active_config.exists()


def test_the_state_the_active_config_and_the_event_name_the_active_profile(stage: Stage) -> None:
    stage.prepared().litellm("ready", "cost")
    _, facts = stage.apply(promote, stage.context("cost"))
    assert stage.supervisor.calls == [("promote", "litellm", 1)]
    assert (state(stage)["current_profile"], facts["switched"]) == ("cost", True)
    assert "profile 'cost'" in stage.config.paths.active_config.read_text()
    assert [(one["event"], one["profile"]) for one in events(stage)] == [("profile_switch", "cost")]


def test_a_second_run_changes_nothing(stage: Stage) -> None:
    stage.prepared().litellm()
    stage.apply(promote)
    before = stage.tree()
    assert stage.apply(promote)[0] == "unchanged"
    assert stage.tree() == before


def test_without_a_running_litellm_it_is_settled_on_paper(stage: Stage) -> None:
    _, facts = stage.prepared().apply(promote)
    assert (facts["generation"], "next start" in facts["message"]) == (None, True)
    assert state(stage)["current_profile"] == "balanced"


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"current_profile": "gone"}'])
def test_a_damaged_state_is_written_anew(stage: Stage, text: str) -> None:
    stage.prepared().config.paths.state_file.write_text(text)
    stage.apply(promote)
    assert state(stage)["current_profile"] == "balanced"
