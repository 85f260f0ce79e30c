"""Fork servers that are kept ready although nothing that runs needs them, so that a hand-over takes a moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import ForkServerSettings, Program
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.event_loop import Loop
from flowgate.supervisor.fork_pool import ForkPool, fork_server_id
from flowgate.system import process_table
from flowgate.system.clock import Clock
from tests.conftest import until
from tests.unit.supervisor.test_adoption import kill
from tests.unit.supervisor.test_fork_server import ask, fork_server, up

App = Callable[..., Program]
pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="workers are forked on Linux only")


@pytest.fixture
def old(app: App) -> Program:
    return app("old", fork_server=ForkServerSettings(("served_app",), environment="old"))


@pytest.fixture
def new(app: App) -> Program:
    return app("new", fork_server=ForkServerSettings(("served_app",), environment="new"))


def pids(supervisor: SupervisorClient) -> set[int]:
    return {one["pid"] for one in supervisor.status()["fork_servers"] if one["state"] == "ready"}


def test_the_old_fork_server_stays_after_a_hand_over_and_forks_the_way_back(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    first = fork_server(supervisor)
    assert supervisor.reserve_fork_server(new, 60)
    assert supervisor.reserve_fork_server(old, 60)
    before = pids(supervisor)
    assert len(before) == 2
    up(supervisor, new)
    assert ask(new)[0] == "new"
    up(supervisor, old)
    assert (ask(old)[0], pids(supervisor), first in before) == ("old", before, True)


def test_without_a_reservation_the_old_fork_server_ends_with_the_hand_over(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    first = fork_server(supervisor)
    up(supervisor, new)
    until(lambda: first not in pids(supervisor))


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_a_reservation_ends(supervisor: SupervisorClient, old: Program, new: Program, seconds: float) -> None:
    up(supervisor, old)
    first = fork_server(supervisor)
    assert supervisor.reserve_fork_server(new, 60)
    supervisor.reserve_fork_server(new, seconds)
    until(lambda: pids(supervisor) == {first})
    assert ask(old)[0] == "old"


def test_what_is_in_use_is_not_ended_by_the_end_of_a_reservation(supervisor: SupervisorClient, old: Program) -> None:
    up(supervisor, old)
    first = fork_server(supervisor)
    assert supervisor.reserve_fork_server(old, 60)
    supervisor.reserve_fork_server(old, 0)
    assert pids(supervisor) == {first}


def test_when_the_service_stops_no_reserved_fork_server_stays(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    assert supervisor.reserve_fork_server(new, 60)
    supervisor.stop(["app"])
    assert supervisor.status()["fork_servers"] == []


def test_a_program_that_is_missing_is_not_reserved_and_not_tried_again(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    missing = replace(new, argv=("/nowhere/run-litellm",))
    assert not supervisor.reserve_fork_server(missing, 60)
    ask(old)
    log = Path(supervisor.log_file).read_text()
    assert log.count("the fork server did not start") <= 2


def test_a_reserved_fork_server_that_is_killed_is_replaced(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    first = fork_server(supervisor)
    assert supervisor.reserve_fork_server(new, 60)
    (second,) = pids(supervisor) - {first}
    os.kill(second, signal.SIGKILL)
    until(lambda: len(pids(supervisor) - {second}) == 2)


def test_without_a_supervisor_nothing_is_reserved(supervisor: SupervisorClient, new: Program) -> None:
    assert not supervisor.reserve_fork_server(new, 60)
    assert supervisor.status()["supervisor"] is None


def test_a_new_supervisor_adopts_what_serves_after_an_upgrade_and_can_hand_back(
    supervisor: SupervisorClient, old: Program, new: Program
) -> None:
    up(supervisor, old)
    up(supervisor, new)
    supervisor.finish(keep=True)
    kill(supervisor)
    assert supervisor.recover()
    assert ask(new)[0] == "new"
    assert supervisor.reserve_fork_server(old, 60)
    up(supervisor, old)
    assert ask(old)[0] == "old"


def test_where_nothing_can_be_forked_nothing_is_reserved(new: Program) -> None:
    pool = ForkPool(Loop(Clock()), False, log=lambda text: None, launch=lambda key: None)
    assert (pool.reserve(new, 60), pool.servers) == ("", {})


def test_reserved_ones_are_wanted_only_as_long_as_another_is(old: Program, new: Program) -> None:
    pool = ForkPool(Loop(Clock()), True, log=lambda text: None, launch=lambda key: None)
    try:
        pool.keep({fork_server_id(old): old})
        pool.reserve(new, 60)
        pool.keep({fork_server_id(old): old})
        assert len(pool.servers) == 2
        pool.keep({})
        assert pool.servers == {}
    finally:
        pool.close()
