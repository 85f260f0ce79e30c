"""The worker that a fork server forks in advance: it becomes the next worker, and is never left over."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import process_table, processes
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_fork_server import ask, fork_server, log, serving, up

App = Callable[..., Program]

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="workers are forked on Linux only")


def workers(supervisor: SupervisorClient) -> list[int]:
    """Return the pids of the workers of the newest generation."""
    newest = supervisor.status()["services"]["app"]["generations"][-1]
    return [one["pid"] for one in newest.get("workers", [])] or [newest["pid"]]


def spares(supervisor: SupervisorClient) -> list[int]:
    """Return the pids of the supervisor's children that are neither a worker nor a fork server."""
    known = {*workers(supervisor), fork_server(supervisor)}
    children = [row for row in process_table.rows() if row.parent == supervisor_pid(supervisor)]
    return [row.pid for row in children if row.pid not in known and row.state not in process_table.GONE]


def spare(supervisor: SupervisorClient) -> int:
    """Return the pid of the spare worker, once it waits."""
    found = list[int]()

    def waits() -> bool:
        found[:] = spares(supervisor)
        return len(found) == 1

    until(waits)
    return found[0]


def test_the_spare_worker_replaces_one_that_is_killed(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    waiting = spare(supervisor)
    os.kill(serving(supervisor), signal.SIGKILL)
    assert ask(app())[:2] == ["one", str(waiting)]
    assert spare(supervisor) != waiting


def test_the_spare_worker_serves_whatever_generation_comes_next(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    waiting = spare(supervisor)
    up(supervisor, app("two"))
    assert ask(app())[:2] == ["two", str(waiting)]


def test_without_its_spare_worker_a_fork_server_forks_on_request(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    waiting = spare(supervisor)
    os.kill(waiting, signal.SIGKILL)
    until(lambda: not spares(supervisor))
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"
    assert "cannot fork" not in log(supervisor)
    assert log(supervisor).count("forked as process") == 2


def test_a_generation_of_several_workers_is_followed_by_as_many_spare_ones(
    supervisor: SupervisorClient, app: App
) -> None:
    up(supervisor, app("one", workers=3))
    until(lambda: len(spares(supervisor)) == 3)
    waiting = spares(supervisor)
    up(supervisor, app("two", workers=3))
    assert sorted(workers(supervisor)) == sorted(waiting)


def test_a_spare_worker_has_no_connection_to_another(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one", workers=3))
    until(lambda: len(spares(supervisor)) == 3)
    until(lambda: len(set(map(_sockets, spares(supervisor)))) == 1)


@pytest.mark.parametrize("ends", [fork_server, supervisor_pid])
def test_the_spare_worker_ends_with_its_fork_server(
    supervisor: SupervisorClient, app: App, ends: Callable[[SupervisorClient], int]
) -> None:
    up(supervisor, app("one"))
    waiting = processes.identify(spare(supervisor))
    assert waiting is not None
    os.kill(ends(supervisor), signal.SIGKILL)
    until(lambda: not processes.alive(waiting))


def test_both_kinds_of_worker_have_the_same_files_open(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one", workers=2))
    until(lambda: len(spares(supervisor)) == 2)
    waiting, (killed, at_once), same = spares(supervisor), workers(supervisor), list[bool]()
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(workers(supervisor)) == 2 and killed not in workers(supervisor))
    [spare_worker] = set(workers(supervisor)) - {at_once}
    assert spare_worker in waiting

    def settled() -> bool:
        """Return whether both have had the same number for a while: connections of the start have been closed."""
        same.append(_sockets(spare_worker) == _sockets(at_once))
        return len(same) > 10 and all(same[-10:])

    until(settled)


def _sockets(pid: int) -> int:
    """Count the sockets that a process has open."""
    found = 0
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it has been closed meanwhile
            found += one.readlink().name.startswith("socket:")
    return found
