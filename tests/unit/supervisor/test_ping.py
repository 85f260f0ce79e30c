"""Programs that bind their own port: which of them is taken for hung, with a clock of its own and real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowgate.domain import Program
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.liveness import ASK_SECONDS, HUNG_SECONDS, SILENT_SECONDS, STARVED_TIMES, Liveness, silence
from flowgate.supervisor.service_state import Generation, ServiceState
from flowgate.supervisor.supervisor import Supervisor
from flowgate.supervisor.worker_process import WorkerProcess
from flowgate.system import process_table, processes
from flowgate.system.clock import Clock, poll

Make = Callable[..., Program]
LONG = 10 * HUNG_SECONDS


class Watched:
    """A supervisor that watches one program, and a clock."""

    def __init__(self, folder: Path, program: Program, pid: int) -> None:
        self.now = 100.0
        self.supervisor = Supervisor(folder, Journal(folder / "log", folder / "events"), Clock(now=lambda: self.now))
        identity = processes.identify(pid)
        assert identity
        self.worker = WorkerProcess(
            program, 1, identity, self.now, ("127.0.0.1", program.port), folder / "own-1.json", phase="serving"
        )
        self.supervisor.workers["own", 1, 1] = self.worker
        self.supervisor.states["own"] = ServiceState("own", False, generations=(Generation(1, "serving"),), wanted=True)
        self.liveness = Liveness(self.supervisor)

    def turn(self) -> None:
        """Let the loop do what can be done now."""
        self.supervisor.loop.running = True
        self.supervisor.loop.after(0, lambda: setattr(self.supervisor.loop, "running", False))
        self.supervisor.loop.run()

    def has_answered(self) -> bool:
        self.turn()
        return self.worker.asked_at is None

    def killed_within(self, seconds: float, *, answers: bool = False) -> bool:
        """Let time pass with a round every second; where it answers, wait for that."""
        for _ in range(int(seconds)):
            self.now += 1
            self.liveness.check()
            self.turn()
            if answers:
                assert poll(self.has_answered, Clock(), every=0.002, timeout=60)
        return self.worker.killed

    @property
    def silence(self) -> str:
        return silence(self.worker, self.supervisor)


@pytest.fixture
def watch(tmp_path: Path, program: Make, waiting: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Watches a program on a port."""
    monkeypatch.setattr(WorkerProcess, "kill", lambda worker: setattr(worker, "killed", True))
    made: list[Watched] = []

    def begin(port: int, **more: object) -> Watched:
        made.append(Watched(tmp_path, program(port=port, **{"answers_pings": True, **more}), waiting))
        return made[-1]

    yield begin
    for one in made:
        one.now += 10 * LONG  # a question that waits is given up
        one.worker.phase = "stopping"
        one.turn()


@contextlib.contextmanager
def server(reply: bytes | None) -> Iterator[tuple[int, list[bytes]]]:
    """Listen; answer every request with the same bytes, or accept no connection at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked: list[bytes] = []

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(4096))
                    if not asked[-1]:
                        return
                    connection.sendall(reply or b"")

        thread = threading.Thread(target=serve)
        if reply is not None:
            thread.start()
        port = int(listener.getsockname()[1])
        yield port, asked
        if reply is not None:
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


ANSWERS = {
    "200": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "501": b"HTTP/1.0 501 Unsupported method\r\n\r\n",
    "no HTTP": b"what?\n",
    "closed": b"",
}


@pytest.mark.parametrize("reply", ANSWERS.values(), ids=ANSWERS.keys())
def test_any_answer_is_a_sign_of_life(watch: Callable[..., Watched], reply: bytes) -> None:
    with server(reply) as (port, asked):
        watched = watch(port)
        assert not watched.killed_within(2 * HUNG_SECONDS, answers=True)
        assert watched.silence == ""
    assert asked[0].startswith(b"OPTIONS * HTTP/1.1\r\n")
    assert len(asked) - 1 == 2 * HUNG_SECONDS / ASK_SECONDS


def test_a_program_that_accepts_nothing_is_reported_and_then_killed(watch: Callable[..., Watched]) -> None:
    with server(None) as (port, _):
        watched = watch(port)
        assert not watched.killed_within(SILENT_SECONDS + 1)
        assert watched.silence == f"has not answered for {SILENT_SECONDS:.0f} s"
        assert not watched.killed_within(HUNG_SECONDS - SILENT_SECONDS - 1)
        assert watched.killed_within(1)
        assert watched.worker.exit_reason == f"it did not answer for {HUNG_SECONDS:.0f} s"


def test_a_program_that_listens_no_more_is_killed(watch: Callable[..., Watched]) -> None:
    with server(None) as (port, _):
        pass
    assert watch(port).killed_within(HUNG_SECONDS + 1)


def test_a_program_that_answers_again_in_time_is_kept(watch: Callable[..., Watched]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        watched = watch(listener.getsockname()[1])
        assert not watched.killed_within(HUNG_SECONDS - 1)
        listener.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                listener.accept()[0].close()
        assert watched.killed_within(1, answers=True) is False
        assert watched.silence == ""


def test_a_pause_of_the_whole_machine_kills_nobody(watch: Callable[..., Watched]) -> None:
    with server(None) as (port, _):
        watched = watch(port)
        assert not watched.killed_within(HUNG_SECONDS - 1)
        watched.now += 3600
        assert not watched.killed_within(HUNG_SECONDS - 1)
        assert watched.killed_within(HUNG_SECONDS)


@pytest.mark.parametrize("state", ["R", "D"])
def test_a_program_that_waits_for_a_core_or_the_disk_gets_more_time(
    watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(process_table, "thread_states", lambda pid: {"S", state})
    with server(None) as (port, _):
        watched = watch(port)
        assert not watched.killed_within(STARVED_TIMES * HUNG_SECONDS)
        assert watched.killed_within(1)


@pytest.mark.parametrize("more", [{"answers_pings": False}, {"restart": "never"}], ids=str)
def test_a_program_that_is_not_to_be_asked_or_replaced_is_left_alone(
    watch: Callable[..., Watched], more: dict[str, object]
) -> None:
    with server(None) as (port, _):
        assert not watch(port, **more).killed_within(LONG)
