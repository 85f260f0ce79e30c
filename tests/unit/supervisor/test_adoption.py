"""A killed keeper is missed by nobody: what it kept goes on serving, and the next keeper takes it over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.unit.supervisor.test_fork_server import ask

Make = Callable[..., Program]


def kill(supervisor: SupervisorClient) -> None:
    """Kill the keeper, and wait until it is gone."""
    pid = supervisor.status()["supervisor"]
    supervisor.close()
    os.kill(pid, signal.SIGKILL)
    words = ("flowgate.supervisor.daemon", str(supervisor.runtime))
    assert poll(lambda: processes.find(words) is None, Clock(), timeout=5)


def up(supervisor: SupervisorClient, program: Program) -> int:
    """Start a program and keep it."""
    number = int(supervisor.start(program)["generation"])
    supervisor.wait(program.service, number, 20.0, serving=True)
    supervisor.finish(keep=True)
    return number


def generations(supervisor: SupervisorClient, service: str) -> list[dict[str, object]]:
    return list(supervisor.status()["services"].get(service, {}).get("generations", []))


def test_generations_serve_on_and_are_taken_over(supervisor: SupervisorClient, app: Make, way: str) -> None:
    program = app(way=way)
    up(supervisor, program)
    (before,) = generations(supervisor, "lent")
    kill(supervisor)
    assert ask(program)[1] == str(before["pid"])
    assert supervisor.recover()
    (after,) = generations(supervisor, "lent")
    assert (after["pid"], after["phase"], after["number"]) == (before["pid"], "serving", before["number"])
    assert supervisor.matches(program)
    assert ask(program)[1] == str(before["pid"])


def test_a_hand_over_works_as_ever_after_it(supervisor: SupervisorClient, app: Make, way: str) -> None:
    old, new = app("one", way=way), app("two", way=way)
    up(supervisor, old)
    kill(supervisor)
    number = int(supervisor.start(new)["generation"])
    supervisor.wait("lent", number, 20.0)
    supervisor.promote("lent", number, new.digest)
    assert ask(new)[0] == "two"
    supervisor.finish(keep=True)
    assert poll(lambda: len(generations(supervisor, "lent")) == 1, Clock(), timeout=10)
    supervisor.stop(["lent"])
    assert sockets.is_free(new.host, new.port)


def test_an_adopted_generation_that_is_killed_is_replaced_with_its_keys(
    supervisor: SupervisorClient, app: Make
) -> None:
    program = app()
    up(supervisor, program)
    kill(supervisor)
    supervisor.recover()
    (adopted,) = generations(supervisor, "lent")
    os.kill(int(str(adopted["pid"])), signal.SIGKILL)
    said = ask(program)  # waits in the socket's queue, which the keeper holds
    assert said[1] != str(adopted["pid"])
    assert said[3] == "sk-for-generations-only"


def test_an_ordinary_program_is_taken_over_with_its_keys(supervisor: SupervisorClient, program: Make) -> None:
    one = program(env={"PATH": Secret(os.environ["PATH"]), "KEY": Secret("sk-1")})
    up(supervisor, one)
    (before,) = generations(supervisor, "own")
    kill(supervisor)
    supervisor.recover()
    (after,) = generations(supervisor, "own")
    assert (after["pid"], after["phase"]) == (before["pid"], "serving")
    assert supervisor.matches(one)
    os.kill(int(str(after["pid"])), signal.SIGKILL)
    assert poll(lambda: [g for g in generations(supervisor, "own") if g["phase"] == "serving"], Clock(), timeout=10)
    supervisor.stop(["own"])


def test_stop_takes_down_what_was_taken_over(supervisor: SupervisorClient, app: Make, program: Make) -> None:
    up(supervisor, app())
    up(supervisor, program())
    kill(supervisor)
    told = supervisor.stop(["lent", "own"])
    assert sorted(one["service"] for one in told["stopped"]) == ["lent", "own"]
    supervisor.finish(keep=True)
    assert not list((supervisor.folder).glob("*.json"))


def test_a_candidate_that_nobody_waits_for_any_more_is_taken_down(supervisor: SupervisorClient, app: Make) -> None:
    old, new = app("one"), app("two")
    up(supervisor, old)
    number = int(supervisor.start(new)["generation"])
    supervisor.wait("lent", number, 20.0)
    kill(supervisor)
    supervisor.recover()
    assert [g["phase"] for g in generations(supervisor, "lent")] == ["serving"]
    assert ask(old)[0] == "one"


@pytest.mark.parametrize("damage", ["{", "[]", '{"service": "lent"}'])
def test_a_damaged_record_is_nobodys(supervisor: SupervisorClient, app: Make, damage: str) -> None:
    up(supervisor, app())
    kill(supervisor)
    (supervisor.folder / "lent-9.json").write_text(damage)
    supervisor.recover()
    assert [g["number"] for g in generations(supervisor, "lent")] == [1]


def test_no_key_reaches_the_disk(supervisor: SupervisorClient, app: Make, runtime: Path) -> None:
    up(supervisor, app())
    kill(supervisor)
    supervisor.recover()
    texts = [path.read_bytes() for path in runtime.rglob("*") if path.is_file()]
    assert not any(b"sk-for-generations-only" in text for text in texts)
