"""Processes that are stopped or stuck: each command says so within seconds, and what can be replaced is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.errors import EnvironmentFailure, FlowGateError, NotAnswering
from flowgate.supervisor import recovery
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import process_table, processes, sockets
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_adoption import kill, up
from tests.unit.supervisor.test_fork_server import ask, fork_server, serving
from tests.unit.supervisor.test_fork_server import up as switch

Make = Callable[..., Program]
TICK_SECONDS = 0.05
HELLO = 9.5  # seconds within which a command notices: 5, and what a busy machine adds; asked twice, it would be 10

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="reads /proc")


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process with SIGSTOP, and let it continue afterwards."""
    identity = processes.identify(pid)
    assert identity
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        processes.signal_tree([identity], signal.SIGCONT)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail when the body takes longer: the time in which a loaded machine lets this process wait does not count."""
    over, ticks = threading.Event(), list[int]()

    def count() -> None:
        while not over.wait(TICK_SECONDS):
            ticks.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert len(ticks) * TICK_SECONDS < seconds


def other_command(supervisor: SupervisorClient) -> SupervisorClient:
    return SupervisorClient(supervisor.runtime, supervisor.log_file)


# --- the supervisor

Act = Callable[[SupervisorClient, Program], object]
ASKING: dict[str, Act] = {
    "status": lambda client, _: client.status(),
    "generation": lambda client, _: client.generation("app"),
    "matches": lambda client, program: client.matches(program),
    "start": lambda client, program: client.start(program),
    "stop": lambda client, _: client.stop(["app"]),
    "recover": lambda client, _: client.recover(),
    "query": lambda client, _: client.query("app", "x"),
}


def refusals(supervisor: SupervisorClient, program: Program, act: Act) -> list[NotAnswering]:
    """Ask three times as one command, and return what each was told."""
    client, caught = other_command(supervisor), []
    for _ in range(3):
        with pytest.raises(NotAnswering) as refused:
            act(client, program)
        caught.append(refused.value)
    client.close()
    return caught


def test_a_hung_supervisor_is_named_within_5_s_and_asked_once(supervisor: SupervisorClient, program: Make) -> None:
    one = program()
    up(supervisor, one)
    pid = supervisor_pid(supervisor)
    with stopped(pid), within(HELLO), ThreadPoolExecutor(len(ASKING)) as pool:
        told = dict(zip(ASKING, pool.map(lambda act: refusals(supervisor, one, act), ASKING.values()), strict=True))
    said = f"the supervisor (pid {pid}) has not answered for 5 s"
    assert [verb for verb, errors in told.items() if not all(said in str(one) for one in errors)] == []
    assert all("service.recover" in one.fix for errors in told.values() for one in errors)


def test_a_hung_supervisor_is_replaced_and_no_request_is_lost(
    supervisor: SupervisorClient, app: Make, program: Make, way: str, tmp_path: Path
) -> None:
    one, other = app(way=way), program()
    up(supervisor, one)
    up(supervisor, other)
    pid, before, client = supervisor_pid(supervisor), serving(supervisor), other_command(supervisor)
    stream = threading.Thread(target=lambda: answers.append(ask(one, f"/stream/{tmp_path}/done")))
    answers: list[list[str]] = []
    with stopped(pid):
        stream.start()
        done = recovery.recover(client)
        assert ask(one)[1] == str(before)
    (tmp_path / "done").touch()
    stream.join()
    assert answers[0][-1] == "end"
    assert (done.replaced, done.supervisor != pid, list(done.stopped)) == (pid, True, [])
    assert sorted((name, one["number"], one["phase"]) for name, one in done.adopted) == [
        ("app", 1, "serving"),
        ("own", 1, "serving"),
    ]
    client.stop(["own", "app"])
    client.finish(keep=True)


def test_a_supervisor_that_answers_is_not_replaced(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    pid = supervisor_pid(supervisor)
    client = other_command(supervisor)
    done = recovery.recover(client)
    client.close()
    assert (done.replaced, done.supervisor, list(done.adopted)) == (None, pid, [])


def test_a_killed_supervisor_is_replaced_too(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    kill(supervisor)
    done = recovery.recover(supervisor)
    assert (done.replaced, [name for name, _ in done.adopted]) == (None, ["own"])


def test_where_nothing_runs_nothing_is_recovered(supervisor: SupervisorClient) -> None:
    assert recovery.recover(supervisor) == recovery.Recovery(None, None)


def test_a_hung_worker_of_a_hung_supervisor_is_stopped_and_reported(supervisor: SupervisorClient, app: Make) -> None:
    one = app(way="cold")
    up(supervisor, one)
    pid, worker, client = supervisor_pid(supervisor), serving(supervisor), other_command(supervisor)
    with stopped(pid), stopped(worker), within(30):
        done = recovery.recover(client)
    client.close()
    assert [record["pid"] for record in done.stopped] == [worker]
    assert sockets.is_free(one.host, one.port)


# --- somebody else on the control socket


def silent(connection: socket.socket) -> None:
    """Keep a connection, and say nothing."""


def cut(connection: socket.socket) -> None:
    connection.close()


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@contextlib.contextmanager
def stranger(path: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen on a socket in this process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listener, kept = sockets.listen_unix(path), []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
                behave(kept[-1])

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in (listener, *kept):
            one.close()
        path.unlink()


@pytest.mark.parametrize("behave", [silent, cut, garbage])
def test_a_stranger_on_the_control_socket_is_named_within_5_s(
    supervisor: SupervisorClient, program: Make, behave: Callable[[socket.socket], None]
) -> None:
    with stranger(sockets.unix_path(supervisor.folder, "supervisor.sock"), behave):
        for act in (lambda: supervisor.status(), lambda: supervisor.start(program())):
            with within(HELLO), pytest.raises(EnvironmentFailure, match=rf"another program \(pid {os.getpid()}\)"):
                act()


def test_a_socket_whose_queue_is_full_is_reported_within_5_s(supervisor: SupervisorClient) -> None:
    path = sockets.unix_path(supervisor.folder, "supervisor.sock")
    path.parent.mkdir(parents=True)
    with sockets.listen_unix(path, backlog=0), contextlib.ExitStack() as stack, within(HELLO):
        for _ in range(2):
            with contextlib.suppress(FlowGateError):
                waiting = sockets.connect_unix(path, 0.05)
                stack.callback(waiting.close) if waiting else None
        with pytest.raises(NotAnswering, match="has not answered for 5 s"):
            supervisor.status()


# --- the fork server and the worker


@pytest.mark.parametrize("importing", [False, True])
def test_a_hung_fork_server_delays_a_switch_and_does_not_prevent_it(
    supervisor: SupervisorClient, app: Make, importing: bool
) -> None:
    one = app("one", way="cold") if importing else app("one")
    switch(supervisor, one)
    if importing:
        number = supervisor.start(app("two"))["generation"]
        pid = supervisor.status()["fork_servers"][0]["pid"]
    else:
        pid = fork_server(supervisor)
    with stopped(pid), within(40):
        if importing:
            supervisor.wait("app", number, 60)
            supervisor.promote("app", number, "two")
        else:
            switch(supervisor, app("two"))
        assert ask(one)[0] == "two"


def silence_of(supervisor: SupervisorClient, service: str) -> str:
    return supervisor.status()["services"][service]["generations"][0]["silent"]


@pytest.mark.parametrize("kind", ["forked", "cold", "own"])
def test_a_stopped_process_is_reported_at_once(
    supervisor: SupervisorClient, app: Make, program: Make, kind: str
) -> None:
    one = program() if kind == "own" else app(way=kind)
    up(supervisor, one)
    (found,) = supervisor.status()["services"][one.service]["generations"]
    assert found["silent"] == ""
    with stopped(found["pid"]):
        until(lambda: silence_of(supervisor, one.service) == "is stopped (SIGSTOP)")
    until(lambda: silence_of(supervisor, one.service) == "")


def test_a_switch_does_not_wait_for_a_stopped_worker(supervisor: SupervisorClient, app: Make, way: str) -> None:
    switch(supervisor, app("one", way=way))
    with stopped(serving(supervisor)), within(25):
        switch(supervisor, app("two", way=way))
        assert ask(app("two"))[0] == "two"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["forked", "cold", "own"])
def test_a_stopped_process_is_replaced_within_40_s(
    supervisor: SupervisorClient, app: Make, program: Make, kind: str
) -> None:
    one = program() if kind == "own" else app(way=kind)
    up(supervisor, one)
    (found,) = supervisor.status()["services"][one.service]["generations"]
    with stopped(found["pid"]):
        until(lambda: (g := supervisor.generation(one.service)) and g["number"] == 2 and g["phase"] == "serving", 40)
    assert "did not answer for 3" in supervisor.log_file.read_text()


BUSY = """
import asyncio, os, time
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return await send({"type": "lifespan.shutdown.complete"})
    while not os.path.exists(scope["path"]):
        time.sleep(0.05)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""


@pytest.mark.parametrize("ends", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_worker_whose_loop_is_blocked_is_reported_and_replaced_after_30_s(
    supervisor: SupervisorClient, app: Make, runtime: Path, ends: bool
) -> None:
    one, end = app(way="cold"), runtime.parent / "end"
    (runtime.parent / "modules" / "served_app.py").write_text(BUSY)
    up(supervisor, one)
    thread = threading.Thread(target=block, args=(one, end))
    thread.start()
    until(lambda: silence_of(supervisor, "app").startswith("has not answered for"))
    if ends:
        end.touch()
    else:
        until(lambda: (g := supervisor.generation("app")) and g["number"] == 2 and g["phase"] == "serving")
    until(lambda: silence_of(supervisor, "app") == "")
    thread.join()
    assert supervisor.status()["services"]["app"]["restarts"] == (0 if ends else 1)


def block(program: Program, end: Path) -> None:
    """Send a request that blocks the event loop of a worker until a file is there."""
    with socket.create_connection(("127.0.0.1", program.port)) as client:
        client.sendall(f"GET {end} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while client.recv(100):
                pass
