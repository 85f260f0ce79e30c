from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.steps.discard import discard

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


@pytest.mark.parametrize("phase", ["starting", "ready"])
def test_a_candidate_is_sent_home(stage: Stage, phase: str) -> None:
    stage.supervisor.run("litellm").run("litellm", phase)
    assert stage.apply(discard) == ("changed", {"discarded": 2})
    assert stage.supervisor.asked == [("discard", "litellm", 2)]


def test_the_one_that_serves_is_left_alone(stage: Stage) -> None:
    stage.supervisor.run("litellm", "draining").run("litellm")
    assert stage.apply(discard) == ("unchanged", {"discarded": None})


def test_nobody_is_sent_home_when_nobody_is_there(stage: Stage) -> None:
    assert stage.apply(discard)[0] == "unchanged"
