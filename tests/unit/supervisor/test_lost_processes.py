"""No process is lost: what cannot be recorded is killed, and what nobody remembers ends by itself."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.errors import FlowGateError, NotReady
from flowgate.supervisor import daemon_process, orphans
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import process_table, processes, sockets
from flowgate.system.clock import Clock, poll
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_adoption import up
from tests.unit.supervisor.test_fork_server import ask
from tests.unit.supervisor.test_fork_server import up as switch

Make = Callable[..., Program]
DAEMON = "flowgate.supervisor.daemon"
BLOCKS: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "fifo": os.mkfifo,
    "full folder": lambda path: (path / "inside").mkdir(parents=True),
}

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="reads /proc")


def children(supervisor: SupervisorClient) -> set[int]:
    """Return the living children of the supervisor."""
    pid = supervisor_pid(supervisor)
    return {row.pid for row in process_table.rows() if row.parent == pid and row.state not in process_table.GONE}


def known(supervisor: SupervisorClient) -> set[int]:
    """Return the processes that the supervisor reports."""
    status = supervisor.status()
    pids = {one["pid"] for service in status["services"].values() for one in service["generations"]}
    return pids | {one["pid"] for one in status["fork_servers"]}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_generation_that_cannot_be_recorded_fails_and_leaves_no_process(
    supervisor: SupervisorClient, app: Make, way: str, block: Callable[[Path], object]
) -> None:
    program = app(way=way)
    up(supervisor, program)
    block(supervisor.folder / "app-2.json")
    number = supervisor.start(program, fresh=True)["generation"]
    with pytest.raises(NotReady, match=r"app-2\.json is not a regular file"):
        supervisor.wait("app", number, 60)
    until(lambda: children(supervisor) <= known(supervisor))
    assert ask(program)[0] == "one"
    assert switch(supervisor, app("two", way=way)) == 3
    assert not list(supervisor.folder.glob("app-2.sock"))


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_a_program_that_cannot_be_recorded_leaves_its_port_free(
    supervisor: SupervisorClient, program: Make, block: Callable[[Path], object]
) -> None:
    supervisor.folder.mkdir(parents=True)
    block(supervisor.folder / "own-1.json")
    one = program()
    supervisor._connection.ensure()
    until(lambda: supervisor.status()["supervisor"])
    if not (supervisor.folder / "own-1.json").exists():  # a new supervisor deletes the records of an earlier one
        block(supervisor.folder / "own-1.json")
    with pytest.raises(NotReady, match=r"own-1\.json is not a regular file"):
        up(supervisor, one)
    assert children(supervisor) == set()
    assert sockets.is_free(one.host, one.port)
    assert up(supervisor, one) == 2


def ours(runtime: Path) -> list[int]:
    """Return the processes of a runtime folder, recorded or not."""
    found = []
    for row in process_table.rows():
        with contextlib.suppress(OSError):
            in_folder = Path(f"/proc/{row.pid}/cwd").resolve() == runtime / "work"
            if in_folder or str(runtime) in process_table.argv(row.pid):
                found += [row.pid] if row.state not in process_table.GONE else []
    return found


def recorded(runtime: Path) -> set[int]:
    """Return the processes that a later command finds: those of records, their trees, and a supervisor by its lock."""
    living = orphans.living(runtime / "run")
    supervisor = daemon_process.find(runtime)
    found = {one.pid for record in living for one in processes.tree(orphans.identity(record))}
    return found | ({supervisor.pid} if supervisor else set())


LONG = [pytest.param(delay, marks=pytest.mark.long) for delay in (2, 4, 8, 12, 20, 25, 30, 45, 60, 90)]


@pytest.mark.parametrize("delay", [None, 0, 16, 36, *LONG])
@pytest.mark.parametrize("kind", ["own", "cold", "forked"])
def test_a_supervisor_killed_while_it_starts_leaves_only_what_is_recorded(
    runtime: Path, supervisor: SupervisorClient, program: Make, app: Make, kind: str, delay: int | None
) -> None:
    one = program() if kind == "own" else app(way=kind)
    command = threading.Thread(target=start, args=(supervisor, one))
    command.start()
    until(lambda: (runtime / "run" / "supervisor.sock").exists() or list((runtime / "run").glob("*.sock")))
    pid = processes.find((DAEMON, str(runtime)))
    assert pid is not None
    if delay is None:  # as soon as it has a child
        until(lambda: len(ours(runtime)) > 1)
    else:
        poll(lambda: None, Clock(), every=0.001, timeout=delay / 1000)
    os.kill(pid, signal.SIGKILL)
    command.join()
    until(lambda: set(ours(runtime)) <= recorded(runtime))
    supervisor.close()
    supervisor.recover()
    supervisor.stop([one.service])
    until(lambda: sockets.is_free(one.host, one.port))


def test_a_supervisor_killed_before_the_first_request_is_started_again_by_the_same_command(
    runtime: Path, supervisor: SupervisorClient, program: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    boot = daemon_process.start

    def boot_and_kill(*words: Path) -> str:
        state = boot(*words)
        if not killed and (found := daemon_process.find(runtime)):
            killed.append(found.pid)
            daemon_process.kill(found)
        return state

    monkeypatch.setattr(daemon_process, "start", boot_and_kill)
    assert up(supervisor, program()) == 1
    assert set(ours(runtime)) <= recorded(runtime)
    assert killed != [supervisor_pid(supervisor)]


def start(supervisor: SupervisorClient, program: Program) -> None:
    with contextlib.suppress(FlowGateError):
        supervisor.start(program)


@pytest.mark.parametrize("kind", ["own", "cold", "forked"])
def test_on_a_full_disk_nothing_is_started_and_later_it_works_again(
    supervisor: SupervisorClient, program: Make, app: Make, kind: str
) -> None:
    first, one = program(service="first"), program() if kind == "own" else app(way=kind)
    up(supervisor, first)
    pid, before = supervisor_pid(supervisor), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (10, before[1]))
    number = supervisor.start(one)["generation"]
    with pytest.raises(NotReady, match="file too large"):
        supervisor.wait(one.service, number, 60)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    until(lambda: children(supervisor) <= known(supervisor))
    assert up(supervisor, one) == 2


@pytest.mark.parametrize("way", ["cold", "forked"])
def test_a_worker_with_a_program_larger_than_the_buffer_of_a_socket_starts(
    supervisor: SupervisorClient, app: Make, runtime: Path, way: str
) -> None:
    one = app(way=way, documents=((runtime / "large.yaml", "x" * 2_000_000),))
    up(supervisor, one)
    assert ask(one)[0] == "one"
    os.kill(supervisor_pid(supervisor), signal.SIGKILL)
    supervisor.close()
    assert supervisor.recover()
    assert supervisor.matches(one)
