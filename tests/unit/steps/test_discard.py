from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.steps.discard import discard

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


@pytest.mark.parametrize("phase", ["starting", "ready"])
def test_a_candidate_is_discarded(stage: Stage, phase: str) -> None:
    stage.supervisor.run("litellm").run("litellm", phase)
    status, facts = stage.apply(discard)
    assert (status, facts["discarded"]) == ("changed", 2)
    assert stage.supervisor.calls == [("discard", "litellm", 2)]


def test_the_serving_generation_is_not_discarded(stage: Stage) -> None:
    stage.supervisor.run("litellm", "draining").run("litellm")
    assert stage.apply(discard) == ("unchanged", {"discarded": None})


def test_nothing_is_discarded_while_the_service_does_not_run(stage: Stage) -> None:
    assert stage.apply(discard)[0] == "unchanged"
