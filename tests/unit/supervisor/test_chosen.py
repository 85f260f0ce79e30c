"""Which generation a command means: the one that it started, not the newest that lives."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from flowgate.domain import Program
from flowgate.errors import NotReady
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import until
from tests.unit.supervisor.test_adoption import up

Make = Callable[..., Program]


def test_a_command_that_started_nothing_means_the_newest(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    other = SupervisorClient(supervisor.runtime, supervisor.log_file)
    found = other.chosen("own")
    assert found
    assert (found["number"], found["phase"]) == (1, "serving")
    assert other.chosen("unknown") is None
    other.close()


@pytest.mark.parametrize("code", ["raise SystemExit(4)", "import os; os.kill(os.getpid(), 9)", "open('/no/where')"])
def test_the_older_program_that_came_back_is_not_meant(supervisor: SupervisorClient, program: Make, code: str) -> None:
    one = program()
    up(supervisor, one)
    number = supervisor.start(program(code, port=one.port), fresh=True)["generation"]
    until(lambda: (g := supervisor.generation("own")) and g["number"] == number + 1)
    with pytest.raises(NotReady, match=rf"generation {number}, which this run started, has ended: (exited|killed)"):
        supervisor.chosen("own")


def test_a_respawn_is_not_taken_for_the_generation_that_crashed(supervisor: SupervisorClient, program: Make) -> None:
    number = supervisor.start(program())["generation"]
    supervisor.wait("own", number, 60, serving=True)
    found = supervisor.chosen("own")
    assert found
    os.kill(found["pid"], signal.SIGKILL)
    until(lambda: (g := supervisor.generation("own")) and g["number"] > number)
    with pytest.raises(NotReady, match="has ended: killed by SIGKILL"):
        supervisor.chosen("own")


@pytest.mark.parametrize("how", ["discard", "stop"])
def test_a_command_that_stopped_what_it_started_means_the_newest_again(
    supervisor: SupervisorClient, app: Make, how: str
) -> None:
    up(supervisor, app("one"))
    number = supervisor.start(app("two"))["generation"]
    supervisor.wait("app", number, 60)
    supervisor.discard("app", number) if how == "discard" else supervisor.stop(["app"])
    found = supervisor.chosen("app")
    assert (found and found["number"]) == (1 if how == "discard" else None)
