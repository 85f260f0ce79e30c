"""What a worker is told about the services that it needs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from flowgate.domain import Program
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.needed_services import is_restarting, report
from flowgate.supervisor.service_state import Generation, ServiceState
from tests.conftest import until
from tests.unit.supervisor.conftest import SERVER
from tests.unit.supervisor.test_fork_server import ask
from tests.unit.supervisor.test_handover import hand_over

App = Callable[..., Program]


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


@pytest.fixture
def gateway(app: App) -> Program:
    """An app that needs the service `own`, and that records the calls of its hooks."""
    return app(
        way="cold",
        hold_while_down=("own",),
        hooks={"set_up": "served_app:set_up", "upstream_changed": "served_app:changed"},
        needed_addresses={"own": "127.0.0.1:1"},
        queries={"calls": "served_app:list_calls"},
    )


def calls(supervisor: SupervisorClient) -> list[dict[str, object]]:
    return supervisor.query("app", "calls")


def start(supervisor: SupervisorClient, program: Program) -> None:
    supervisor.wait("own", supervisor.start(program)["generation"], 60, serving=True)


def test_a_worker_is_told_when_a_service_stops_and_comes_back(
    supervisor: SupervisorClient, program: App, gateway: Program
) -> None:
    needed = program(SERVER)
    start(supervisor, needed)
    hand_over(supervisor, gateway)
    assert calls(supervisor) == [{"hook": "set_up", "addresses": {"own": "127.0.0.1:1"}}]
    supervisor.stop(["own"])
    until(lambda: calls(supervisor)[-1].get("down") == {"own": "own is stopped"})
    start(supervisor, needed)
    until(lambda: calls(supervisor)[-1] == {"hook": "changed", "name": "own", "down": {}, "soon": []})


def test_a_crash_is_told_as_a_restart(supervisor: SupervisorClient, program: App, gateway: Program) -> None:
    start(supervisor, program("import time; time.sleep(0.7)\n" + SERVER))
    hand_over(supervisor, gateway)
    os.kill(supervisor.status()["services"]["own"]["generations"][-1]["pid"], signal.SIGKILL)
    until(lambda: calls(supervisor)[-1] == {"hook": "changed", "name": "own", "down": {}, "soon": []})
    assert {"hook": "changed", "name": "own", "down": {}, "soon": ["own"]} in calls(supervisor)


def test_a_service_that_never_ran_is_told_as_down(supervisor: SupervisorClient, gateway: Program) -> None:
    hand_over(supervisor, gateway)
    until(lambda: calls(supervisor)[-1].get("down") == {"own": "own is not running"})


def test_a_worker_serves_without_a_hook_that_fails(supervisor: SupervisorClient, app: App) -> None:
    program = app(way="cold", hooks={"set_up": "served_app:missing"})
    hand_over(supervisor, program)
    assert ask(program)
    assert "the hook set_up failed: AttributeError" in program.log.read_text()


def test_what_a_hook_cannot_do_is_said_in_the_log(supervisor: SupervisorClient, gateway: Program) -> None:
    hand_over(supervisor, gateway)
    until(lambda: "attempts of this app cannot be observed: this app has none" in gateway.log.read_text())
