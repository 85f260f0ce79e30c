"""The supervisor as a real process, with real programs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.errors import NotReady
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.program_tree import to_tree
from flowgate.system import processes, sockets
from tests.conftest import free_port, until
from tests.unit.supervisor.conftest import supervisor_pid

Make = Callable[..., Program]
SERVER_CODE = (Path(__file__).parent / "conftest.py").read_text().split('SERVER = """')[1].split('"""')[0]


def up(supervisor: SupervisorClient, program: Program) -> int:
    number = supervisor.start(program)["generation"]
    supervisor.wait(program.service, number, 60, serving=True)
    return number


def pid_of(supervisor: SupervisorClient, service: str = "own") -> int:
    generation = supervisor.generation(service)
    assert generation is not None
    return generation["pid"]


def test_a_program_is_started_once_and_is_ready_when_it_responds(supervisor: SupervisorClient, program: Make) -> None:
    one = program()
    assert up(supervisor, one) == 1
    assert supervisor.start(one)["same"]
    assert supervisor.matches(one)


def test_another_key_in_the_environment_is_another_program(supervisor: SupervisorClient, program: Make) -> None:
    port = free_port()
    up(supervisor, program(port=port, env={"KEY": Secret("one")}))
    assert not supervisor.matches(program(port=port, env={"KEY": Secret("two")}))


def test_stop_ends_the_whole_process_tree(supervisor: SupervisorClient, program: Make) -> None:
    code = "import subprocess, sys; subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
    up(supervisor, program(code + SERVER_CODE))
    members = processes.tree_of(pid_of(supervisor))
    assert len(members) == 2
    supervisor.stop(["own"])
    until(lambda: not any(processes.alive(one) for one in members))


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace(supervisor: SupervisorClient, program: Make) -> None:
    ignore_sigterm = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    up(supervisor, program(ignore_sigterm + SERVER_CODE, stop_grace=0.2))
    pid = pid_of(supervisor)
    assert supervisor.stop(["own"])["killed"] == [pid]


def test_a_crashed_program_is_respawned(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    old = pid_of(supervisor)
    os.kill(old, signal.SIGKILL)
    until(lambda: (g := supervisor.generation("own")) and g["phase"] == "serving" and g["pid"] != old)
    assert supervisor.status()["services"]["own"]["restarts"] == 1


def test_the_error_of_a_failed_start_contains_the_exit_code(supervisor: SupervisorClient, program: Make) -> None:
    number = supervisor.start(program("import sys; sys.exit(7)"))["generation"]
    with pytest.raises(NotReady, match="exited with code 7"):
        supervisor.wait("own", number, 60)
    assert supervisor.generation("own") is None


def test_the_error_names_a_program_that_cannot_be_executed(supervisor: SupervisorClient, program: Make) -> None:
    number = supervisor.start(program(argv=("/nowhere/at/all",)))["generation"]
    with pytest.raises(NotReady, match="/nowhere/at/all"):
        supervisor.wait("own", number, 60)


def test_a_response_of_another_program_on_the_port_is_not_ready(supervisor: SupervisorClient, program: Make) -> None:
    with sockets.listen("127.0.0.1", 0) as other, ThreadPoolExecutor(1) as pool:
        pool.submit(_respond_always, other)
        number = supervisor.start(program("import time; time.sleep(60)", port=other.getsockname()[1]))["generation"]
        with pytest.raises(NotReady, match="another program answers"):
            supervisor.wait("own", number, 60)
        other.shutdown(socket.SHUT_RDWR)


def _respond_always(listener: socket.socket) -> None:
    """Respond to every probe: the first one may be given up on a loaded machine."""
    with contextlib.suppress(OSError):
        while True:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError):
                sock.recv(4096)
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_cut_connection_stops_what_was_not_kept(supervisor: SupervisorClient, program: Make, runtime: Path) -> None:
    up(supervisor, program())
    pid = processes.identify(pid_of(supervisor))
    supervisor.close()
    until(lambda: pid and not processes.alive(pid))
    until(lambda: processes.find(("flowgate.supervisor.daemon", str(runtime))) is None)


def test_a_kept_generation_outlives_the_command(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    supervisor.finish(keep=True)
    generation = supervisor.generation("own")
    assert generation is not None
    assert generation["phase"] == "serving"


def test_twenty_starts_at_once_start_one_process(runtime: Path, program: Make) -> None:
    one = program()
    clients = [SupervisorClient(runtime, runtime.parent / "supervisor.log") for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda client: client.start(one), clients))
    assert sum(not result["same"] for result in results) == 1
    assert {result["generation"] for result in results} == {1}
    for client in clients:
        client.close()


def test_a_deleted_socket_is_restored_by_the_same_supervisor(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    pid = supervisor.status()["supervisor"]
    supervisor.finish(keep=True)
    for path in (supervisor.folder).iterdir():
        path.unlink()
    assert supervisor.start(program())["generation"] >= 1
    assert supervisor.status()["supervisor"] == pid


def test_a_stale_socket_and_a_record_with_a_reused_pid_are_harmless(
    supervisor: SupervisorClient, program: Make
) -> None:
    supervisor.folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        record = to_tree(program(), secrets=False) | {"number": 9, "pid": other.pid, "ticks": 1}
        (supervisor.folder / "own-9.json").write_text(json.dumps(record))
        (supervisor.folder / "supervisor.sock").write_text("stale")
        up(supervisor, program())
        assert other.poll() is None
        other.kill()


def test_generations_of_a_killed_supervisor_are_listed_and_adopted(supervisor: SupervisorClient, program: Make) -> None:
    one = program()
    up(supervisor, one)
    left = processes.identify(pid_of(supervisor))
    pid = supervisor_pid(supervisor)
    supervisor.finish(keep=True)
    os.kill(pid, signal.SIGKILL)
    assert supervisor.status()["services"]["own"]["generations"][0]["phase"] == "orphaned"
    up(supervisor, one)
    assert left
    assert pid_of(supervisor) == left.pid


def test_a_deleted_document_is_written_again_for_a_respawn(
    supervisor: SupervisorClient, program: Make, runtime: Path
) -> None:
    document = runtime / "settings.yaml"
    up(supervisor, program(f"open({str(document)!r}).read()\n" + SERVER_CODE, documents=((document, "a: 1\n"),)))
    document.unlink()
    os.kill(pid_of(supervisor), signal.SIGKILL)
    until(lambda: (g := supervisor.generation("own")) and g["number"] == 2 and g["phase"] == "serving")


def test_a_program_sees_only_its_own_environment_and_writes_private_files(
    supervisor: SupervisorClient, program: Make, runtime: Path
) -> None:
    os.environ["FLOWGATE_CANARY"] = "sk-canary"
    code = "import os, pathlib; pathlib.Path('env').write_text(repr(dict(os.environ)))\n"
    try:
        up(supervisor, program(code + SERVER_CODE))
    finally:
        del os.environ["FLOWGATE_CANARY"]
    written = runtime / "work" / "env"
    assert "sk-canary" not in written.read_text()
    assert written.stat().st_mode & 0o077 == 0


def test_a_failed_command_stops_what_it_started_before_it_ends(
    supervisor: SupervisorClient, program: Make, runtime: Path
) -> None:
    up(supervisor, program())
    pid = processes.identify(pid_of(supervisor))
    supervisor.finish(keep=False)
    assert pid
    assert not processes.alive(pid)
    assert processes.find(("flowgate.supervisor.daemon", str(runtime))) is None


def test_an_idle_supervisor_exits(supervisor: SupervisorClient, program: Make, runtime: Path) -> None:
    up(supervisor, program())
    supervisor.stop(["own"])
    supervisor.finish(keep=True)
    assert processes.find(("flowgate.supervisor.daemon", str(runtime))) is None
    assert not (runtime / "run" / "supervisor.sock").exists()


def test_an_idle_supervisor_exits_although_others_look_at_it_again_and_again(
    supervisor: SupervisorClient, program: Make
) -> None:
    looking = SupervisorClient(supervisor.runtime, supervisor.log_file)
    up(supervisor, program())
    looking.status()
    supervisor.stop(["own"])
    supervisor.finish(keep=True)

    def is_gone() -> bool:
        found = looking.status()["supervisor"]
        looking.close()
        return found is None

    until(is_gone)


def test_an_interrupted_request_does_not_disturb_the_next_reply(supervisor: SupervisorClient, program: Make) -> None:
    number = supervisor.start(program("import time; time.sleep(60)"))["generation"]
    before = signal.signal(signal.SIGALRM, _interrupt)

    def interrupted_wait() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        supervisor.wait("own", number, 60)

    with pytest.raises(KeyboardInterrupt):
        interrupted_wait()
    signal.signal(signal.SIGALRM, before)
    assert supervisor.stop(["own"])["stopped"][0]["generation"] == number
    assert supervisor.generation("own") is None


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
