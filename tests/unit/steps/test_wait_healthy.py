from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.errors import NotReady
from flowgate.steps.wait_healthy import probable_cause, wait_healthy
from tests.unit.steps.conftest import from_table, serving

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage

READY = from_table({"/health/readiness": "{}"})


def test_a_ready_service_is_unchanged(stage: Stage) -> None:
    stage.supervisor.run("litellm", port=stage.ports["litellm"])
    with serving(READY, stage.ports["litellm"]):
        assert stage.apply(wait_healthy, service="litellm") == ("unchanged", {"seconds": {}})


def test_a_candidate_is_checked_at_its_private_address(stage: Stage) -> None:
    stage.supervisor.run("litellm", "ready", port=1, private_address=["127.0.0.1", stage.ports["litellm"]])
    with serving(READY, stage.ports["litellm"]):
        assert stage.apply(wait_healthy, service="litellm")[0] == "unchanged"


def test_the_step_waits_for_a_starting_service_and_returns_the_time(stage: Stage) -> None:
    stage.supervisor.run("litellm", "starting", private_address=["127.0.0.1", stage.ports["litellm"]])
    not_ready = iter([503, 503])
    (generation,) = stage.supervisor.services["litellm"]

    def answers(path: str) -> tuple[int, str]:
        generation["phase"] = "serving"
        return next(not_ready, 200), "{}"

    stage.supervisor.wait = lambda *words, **more: generation.update(phase="ready") or "ready"  # type: ignore[method-assign]
    with serving(answers, stage.ports["litellm"]):
        status, facts = stage.apply(wait_healthy, service="litellm", timeout=60)
    assert (status, list(facts["seconds"])) == ("unchanged", ["litellm"])


def test_a_service_that_never_becomes_ready_is_an_error(stage: Stage) -> None:
    stage.supervisor.run("litellm", "ready")
    with pytest.raises(NotReady, match="runs, but /health/readiness does not return 2xx"):
        stage.apply(wait_healthy, service="litellm", timeout=0.1)


def test_a_service_that_does_not_run_is_an_error(stage: Stage) -> None:
    with pytest.raises(NotReady, match="litellm is not running"):
        stage.apply(wait_healthy, service="litellm")


def test_a_service_that_ended_is_explained_with_log_cause_and_fix(stage: Stage) -> None:
    log = stage.runtime / "process-logs" / "litellm.log"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join([*(f"line {number}" for number in range(40)), "OSError: address already in use"]))
    stage.supervisor.failures["litellm"] = "exited with code 1"
    with pytest.raises(NotReady, match="litellm did not start: exited with code 1: its port is in use") as refused:
        stage.apply(wait_healthy, service="litellm")
    assert refused.value.log[-1] == "OSError: address already in use"
    assert len(refused.value.log) == 15
    assert "inv status" in refused.value.fix


@pytest.mark.parametrize(
    "log, cause",
    [
        ("litellm.UnsafeMasterKeyError: x", "refuses the master key"),
        ("ModuleNotFoundError: no module named x", "a Python package is missing"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("all is well", ""),
    ],
)
def test_a_known_text_in_a_log_names_the_cause(log: str, cause: str) -> None:
    assert cause in probable_cause(log)[0]
    assert bool(cause) == bool(probable_cause(log)[1])
