"""A killed supervisor: its generations keep serving, and the next supervisor adopts them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.status_document import GenerationStatus
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.conftest import contents
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_fork_server import ask

Make = Callable[..., Program]


def kill(supervisor: SupervisorClient) -> None:
    """Kill the supervisor, and wait until it has gone."""
    pid = supervisor_pid(supervisor)
    supervisor.close()
    os.kill(pid, signal.SIGKILL)
    words = ("flowgate.supervisor.daemon", str(supervisor.runtime))
    assert poll(lambda: processes.find(words) is None, Clock(), timeout=60)


def up(supervisor: SupervisorClient, program: Program) -> int:
    """Start a program and keep it."""
    number = supervisor.start(program)["generation"]
    supervisor.wait(program.service, number, 60, serving=True)
    supervisor.finish(keep=True)
    return number


def generations(supervisor: SupervisorClient, service: str) -> list[GenerationStatus]:
    return supervisor.status()["services"].get(service, {}).get("generations", [])


def test_generations_keep_serving_and_are_adopted(supervisor: SupervisorClient, app: Make, way: str) -> None:
    program = app(way=way)
    up(supervisor, program)
    (before,) = generations(supervisor, "app")
    kill(supervisor)
    assert ask(program)[1] == str(before["pid"])
    assert supervisor.recover()
    (after,) = generations(supervisor, "app")
    assert (after["pid"], after["phase"], after["number"]) == (before["pid"], "serving", before["number"])
    assert supervisor.matches(program)
    assert ask(program)[1] == str(before["pid"])


def test_a_handover_works_after_an_adoption(supervisor: SupervisorClient, app: Make, way: str) -> None:
    old, new = app("one", way=way), app("two", way=way)
    up(supervisor, old)
    kill(supervisor)
    number = supervisor.start(new)["generation"]
    supervisor.wait("app", number, 60)
    supervisor.promote("app", number, new.digest)
    assert ask(new)[0] == "two"
    supervisor.finish(keep=True)
    assert poll(lambda: len(generations(supervisor, "app")) == 1, Clock(), timeout=60)
    supervisor.stop(["app"])
    assert sockets.is_free(new.host, new.port)


def test_a_killed_adopted_generation_is_respawned_with_its_keys(supervisor: SupervisorClient, app: Make) -> None:
    program = app()
    up(supervisor, program)
    kill(supervisor)
    supervisor.recover()
    (adopted,) = generations(supervisor, "app")
    os.kill(adopted["pid"], signal.SIGKILL)
    words = ask(program)  # waits in the backlog of the listener, which the supervisor owns
    assert words[1] != str(adopted["pid"])
    assert words[3] == "sk-for-generations-only"


def test_a_program_with_its_own_port_is_adopted_with_its_keys(supervisor: SupervisorClient, program: Make) -> None:
    one = program(env={"PATH": Secret(os.environ["PATH"]), "KEY": Secret("sk-1")})
    up(supervisor, one)
    (before,) = generations(supervisor, "own")
    kill(supervisor)
    supervisor.recover()
    (after,) = generations(supervisor, "own")
    assert (after["pid"], after["phase"]) == (before["pid"], "serving")
    assert supervisor.matches(one)
    os.kill(after["pid"], signal.SIGKILL)
    assert poll(lambda: [g for g in generations(supervisor, "own") if g["phase"] == "serving"], Clock(), timeout=60)
    supervisor.stop(["own"])


def test_stop_ends_adopted_generations(supervisor: SupervisorClient, app: Make, program: Make) -> None:
    up(supervisor, app())
    up(supervisor, program())
    kill(supervisor)
    result = supervisor.stop(["app", "own"])
    assert sorted(one["service"] for one in result["stopped"]) == ["app", "own"]
    supervisor.finish(keep=True)
    assert not list((supervisor.folder).glob("*.json"))


def test_a_candidate_is_stopped_instead_of_adopted(supervisor: SupervisorClient, app: Make) -> None:
    old, new = app("one"), app("two")
    up(supervisor, old)
    number = supervisor.start(new)["generation"]
    supervisor.wait("app", number, 60)
    kill(supervisor)
    supervisor.recover()
    assert [g["phase"] for g in generations(supervisor, "app")] == ["serving"]
    assert ask(old)[0] == "one"


@pytest.mark.parametrize("damage", ["{", "[]", '{"service": "app"}'])
def test_a_damaged_record_is_ignored(supervisor: SupervisorClient, app: Make, damage: str) -> None:
    up(supervisor, app())
    kill(supervisor)
    (supervisor.folder / "app-9.json").write_text(damage)
    supervisor.recover()
    assert [g["number"] for g in generations(supervisor, "app")] == [1]


def test_no_key_is_written_to_disk(supervisor: SupervisorClient, app: Make, runtime: Path) -> None:
    up(supervisor, app())
    kill(supervisor)
    supervisor.recover()
    found = contents(runtime)
    assert runtime / "run" / "app-1.json" in found
    assert not any(b"sk-for-generations-only" in text for text in found.values())
