"""Every step means the generation that this run started, also when that has ended and an older one serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.errors import NotReady
from flowgate.steps.discard import discard
from flowgate.steps.promote import promote
from flowgate.steps.smoke import smoke
from flowgate.steps.stop import stop
from flowgate.steps.wait_healthy import wait_healthy
from tests.unit.steps.conftest import from_table, serving

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage

READY = from_table({"/health/readiness": "{}", "/v1/models": "{}"})


@pytest.fixture
def failed(stage: Stage) -> Stage:
    """An older LiteLLM serves the same settings; generation 2, which this run has started, has ended."""
    stage.prepared().litellm()
    stage.supervisor.services["litellm"][0]["port"] = stage.ports["litellm"]
    stage.supervisor.failures["litellm"] = "exited with code 1"
    stage.supervisor.started = [("litellm", 2)]
    return stage


@pytest.mark.parametrize(
    "step, params",
    [(wait_healthy, {"service": "litellm"}), (promote, {}), (smoke, {})],
    ids=["wait", "promote", "smoke"],
)
def test_an_older_generation_is_not_taken_for_the_one_that_failed(
    failed: Stage, step: Callable[..., Any], params: dict[str, Any]
) -> None:
    with serving(READY, failed.ports["litellm"]), pytest.raises(NotReady, match="generation 2, which this run started"):
        failed.apply(step, **params)
    assert not failed.config.paths.state_file.exists()


@pytest.mark.parametrize("step, params", [(discard, {}), (stop, {"service": "started"})], ids=["discard", "stop"])
def test_an_older_generation_is_left_alone(failed: Stage, step: Callable[..., Any], params: dict[str, Any]) -> None:
    assert failed.apply(step, **params)[0] == "unchanged"
    assert failed.supervisor.calls == []


@pytest.mark.parametrize("step, params", [(discard, {}), (stop, {"service": "started"})], ids=["discard", "stop"])
def test_a_generation_that_somebody_else_started_is_left_alone(
    failed: Stage, step: Callable[..., Any], params: dict[str, Any]
) -> None:
    failed.litellm("starting").supervisor.services["litellm"][-1]["number"] = 3  # a renewal, or an older program again
    assert failed.apply(step, **params)[0] == "unchanged"
    assert failed.supervisor.calls == []


def test_what_replaced_a_crashed_generation_of_this_run_is_stopped(failed: Stage) -> None:
    failed.supervisor.services["litellm"] = []
    failed.litellm("serving").supervisor.services["litellm"][-1] |= {"number": 3, "leased": True}
    failed.apply(stop, service="started")
    assert failed.supervisor.calls == [("stop", "litellm")]
