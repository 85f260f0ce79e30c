from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.steps.promote import promote

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def state(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.config.paths.state_file.read_text())
    return found


def events(stage: Stage) -> list[dict[str, str]]:
    return [json.loads(line) for line in (stage.runtime / "events.log").read_text().splitlines()]


def test_the_newest_generation_serves_before_anything_is_written_down(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").run("litellm", "ready")
    refused = RuntimeError("the keeper went away")

    def fail(service: str, generation: int, timeout: float = 30.0) -> None:
        raise refused

    stage.supervisor.promote = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        stage.do(promote)
    assert not stage.config.paths.state_file.exists()


def test_the_state_the_active_config_and_the_event_say_what_is_in_force(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm", "ready")
    _, facts = stage.do(promote, stage.context("cost"))
    assert stage.supervisor.asked == [("promote", "litellm", 1)]
    assert (state(stage)["current_profile"], facts["switched"]) == ("cost", True)
    assert "profile 'cost'" in stage.config.paths.active_config.read_text()
    assert [(one["event"], one["profile"]) for one in events(stage)] == [("profile_switch", "cost")]


def test_the_second_time_it_is_content(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm")
    stage.do(promote)
    before = stage.tree()
    assert stage.do(promote)[0] == "unchanged"
    assert stage.tree() == before


def test_without_a_running_litellm_it_is_settled_on_paper(stage: Stage) -> None:
    _, facts = stage.prepared().do(promote)
    assert (facts["generation"], "not running" in facts["message"]) == (None, True)
    assert state(stage)["current_profile"] == "balanced"


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"current_profile": "gone"}'])
def test_a_damaged_state_is_written_anew(stage: Stage, text: str) -> None:
    stage.prepared().config.paths.state_file.write_text(text)
    stage.do(promote)
    assert state(stage)["current_profile"] == "balanced"
