"""What a worker is told about the services that it needs."""

from __future__ import annotations

import pytest

from flowgate.supervisor.needed_services import is_restarting, report
from flowgate.supervisor.service_state import Generation, ServiceState


def state(phase: str = "", **more: object) -> ServiceState:
    generations = (Generation(1, phase),) if phase else ()
    return ServiceState("own", shared_listener=False, generations=generations, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "found", [state("serving", wanted=True), state("serving", wanted=True, crashes=9), ServiceState("own", True)]
)
def test_a_serving_service_is_neither_down_nor_restarting(found: ServiceState) -> None:
    assert report(["own"], {"own": found}) == {"do": "upstreams", "down": {}, "restarting": []}


@pytest.mark.parametrize(
    "found", [state("starting", wanted=True), state(wanted=True, crashes=1), state("stopping", wanted=True)]
)
def test_a_service_that_comes_back_in_a_moment_is_restarting(found: ServiceState) -> None:
    assert report(["own"], {"own": found})["restarting"] == ["own"]
    assert is_restarting(found)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (state(), "own is stopped"),
        (state("stopping"), "own is stopped"),
        (state(failure="exited with code 1"), "own is not running (exited with code 1)"),
        (state(wanted=True, crashes=4, failure="killed by SIGSEGV"), "own ends again and again (killed by SIGSEGV)"),
        (state("starting", wanted=True, crashes=7), "own ends again and again (it does not start)"),
    ],
)
def test_a_service_that_does_not_come_back_is_down_with_the_reason(found: ServiceState, reason: str) -> None:
    assert report(["own"], {"own": found})["down"] == {"own": reason}
    assert not is_restarting(found)


def test_a_service_that_was_never_started_is_down() -> None:
    assert report(["own"], {})["down"] == {"own": "own is not running"}
