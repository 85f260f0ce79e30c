"""A killed keeper is missed by nobody: what it kept goes on serving, and the next keeper takes it over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.supervisor.client import Keeper
from flowgate.system import processes, sockets
from flowgate.system.clock import Clock, poll
from tests.unit.supervisor.test_fork_server import ask

Make = Callable[..., Program]


def kill(keeper: Keeper) -> None:
    """Kill the keeper, and wait until it is gone."""
    pid = keeper.status()["keeper"]
    keeper.close()
    os.kill(pid, signal.SIGKILL)
    words = ("flowgate.supervisor.daemon", str(keeper.runtime))
    assert poll(lambda: processes.find(words) is None, Clock(), timeout=5)


def up(keeper: Keeper, program: Program) -> int:
    """Start a program and keep it."""
    number = int(keeper.start(program)["generation"])
    keeper.wait(program.service, number, 20.0, serving=True)
    keeper.finish(keep=True)
    return number


def generations(keeper: Keeper, service: str) -> list[dict[str, object]]:
    return list(keeper.status()["services"].get(service, {}).get("generations", []))


def test_generations_serve_on_and_are_taken_over(keeper: Keeper, app: Make, way: str) -> None:
    program = app(way=way)
    up(keeper, program)
    (before,) = generations(keeper, "lent")
    kill(keeper)
    assert ask(program)[1] == str(before["pid"])
    assert keeper.recover()
    (after,) = generations(keeper, "lent")
    assert (after["pid"], after["phase"], after["number"]) == (before["pid"], "serving", before["number"])
    assert keeper.matches(program)
    assert ask(program)[1] == str(before["pid"])


def test_a_hand_over_works_as_ever_after_it(keeper: Keeper, app: Make, way: str) -> None:
    old, new = app("one", way=way), app("two", way=way)
    up(keeper, old)
    kill(keeper)
    number = int(keeper.start(new)["generation"])
    keeper.wait("lent", number, 20.0)
    keeper.promote("lent", number)
    assert ask(new)[0] == "two"
    keeper.finish(keep=True)
    assert poll(lambda: len(generations(keeper, "lent")) == 1, Clock(), timeout=10)
    keeper.stop(["lent"])
    assert sockets.is_free(new.host, new.port)


def test_an_adopted_generation_that_is_killed_is_replaced_with_its_keys(keeper: Keeper, app: Make) -> None:
    program = app()
    up(keeper, program)
    kill(keeper)
    keeper.recover()
    (adopted,) = generations(keeper, "lent")
    os.kill(int(str(adopted["pid"])), signal.SIGKILL)
    said = ask(program)  # waits in the socket's queue, which the keeper holds
    assert said[1] != str(adopted["pid"])
    assert said[3] == "sk-for-generations-only"


def test_an_ordinary_program_is_taken_over_with_its_keys(keeper: Keeper, program: Make) -> None:
    one = program(env={"PATH": Secret(os.environ["PATH"]), "KEY": Secret("sk-1")})
    up(keeper, one)
    (before,) = generations(keeper, "own")
    kill(keeper)
    keeper.recover()
    (after,) = generations(keeper, "own")
    assert (after["pid"], after["phase"]) == (before["pid"], "serving")
    assert keeper.matches(one)
    os.kill(int(str(after["pid"])), signal.SIGKILL)
    assert poll(lambda: [g for g in generations(keeper, "own") if g["phase"] == "serving"], Clock(), timeout=10)
    keeper.stop(["own"])


def test_stop_takes_down_what_was_taken_over(keeper: Keeper, app: Make, program: Make) -> None:
    up(keeper, app())
    up(keeper, program())
    kill(keeper)
    told = keeper.stop(["lent", "own"])
    assert sorted(one["service"] for one in told["stopped"]) == ["lent", "own"]
    keeper.finish(keep=True)
    assert not list((keeper.folder).glob("*.json"))


def test_a_candidate_that_nobody_waits_for_any_more_is_taken_down(keeper: Keeper, app: Make) -> None:
    old, new = app("one"), app("two")
    up(keeper, old)
    number = int(keeper.start(new)["generation"])
    keeper.wait("lent", number, 20.0)
    kill(keeper)
    keeper.recover()
    assert [g["phase"] for g in generations(keeper, "lent")] == ["serving"]
    assert ask(old)[0] == "one"


@pytest.mark.parametrize("damage", ["{", "[]", '{"service": "lent"}'])
def test_a_damaged_record_is_nobodys(keeper: Keeper, app: Make, damage: str) -> None:
    up(keeper, app())
    kill(keeper)
    (keeper.folder / "lent-9.json").write_text(damage)
    keeper.recover()
    assert [g["number"] for g in generations(keeper, "lent")] == [1]


def test_no_key_reaches_the_disk(keeper: Keeper, app: Make, runtime: Path) -> None:
    up(keeper, app())
    kill(keeper)
    keeper.recover()
    texts = [path.read_bytes() for path in runtime.rglob("*") if path.is_file()]
    assert not any(b"sk-for-generations-only" in text for text in texts)
