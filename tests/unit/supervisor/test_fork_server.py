"""The fork server as a real process: when it is replaced, what its end changes, and when it is not used."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.domain import ForkServerSettings, Program, WarmUp
from flowgate.errors import NotReady
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import process_table, processes
from tests.conftest import until
from tests.unit.supervisor.conftest import supervisor_pid

App = Callable[..., Program]
SETTINGS = ForkServerSettings(("served_app",))

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="workers are forked on Linux only")


def up(supervisor: SupervisorClient, program: Program) -> int:
    number = supervisor.start(program)["generation"]
    supervisor.wait("app", number, 60)
    supervisor.promote("app", number, program.digest)
    return number


def ask(program: Program, path: str = "/") -> list[str]:
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    client.request("GET", path)
    with client.getresponse() as answer:
        words = answer.read().decode().split()
    client.close()
    return words


def fork_server(supervisor: SupervisorClient) -> int:
    """Return the pid of the only fork server, once it is ready."""
    until(lambda: [one["state"] for one in supervisor.status()["fork_servers"]] == ["ready"])
    return supervisor.status()["fork_servers"][0]["pid"]


def serving(supervisor: SupervisorClient) -> int:
    generation = supervisor.generation("app")
    assert generation is not None
    return generation["pid"]


def log(supervisor: SupervisorClient) -> str:
    return supervisor.log_file.read_text()


def test_generations_are_forked_from_one_fork_server(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    first = fork_server(supervisor)
    up(supervisor, app("two"))
    assert fork_server(supervisor) == first
    assert log(supervisor).count("forked as process") == 2


def test_a_forked_worker_is_a_child_of_the_supervisor_in_its_own_session(
    supervisor: SupervisorClient, app: App
) -> None:
    up(supervisor, app())
    row = process_table.row(serving(supervisor))
    assert row is not None
    assert (row.parent, row.session) == (supervisor.status()["supervisor"], row.pid)


def test_a_forked_worker_has_the_variables_that_imports_set(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    assert ask(app())[4] == "yes"


def test_no_key_passes_through_the_fork_server(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app())
    assert _holds(serving(supervisor), b"sk-for-generations-only")
    assert not _holds(fork_server(supervisor), b"sk-for-generations-only")


def _holds(pid: int, text: bytes) -> bool:
    """Return whether a text is in the writable memory of a process."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(one, 16) for one in line.split()[0].split("-"))
            if "rw" in line:
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
    return False


def test_a_killed_fork_server_is_replaced_and_workers_keep_serving(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    pid, old = serving(supervisor), fork_server(supervisor)
    os.kill(old, signal.SIGKILL)
    until(lambda: fork_server(supervisor) != old)
    assert (serving(supervisor), ask(app())[0]) == (pid, "one")
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"
    assert supervisor.status()["services"]["app"]["restarts"] == 0


def test_a_generation_starts_while_a_fork_server_is_replaced(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    os.kill(fork_server(supervisor), signal.SIGKILL)
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"


def test_a_hanging_fork_server_is_killed_and_the_generation_starts(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    old = fork_server(supervisor)
    os.kill(old, signal.SIGSTOP)
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"
    until(lambda: processes.identify(old) is None)


def test_another_python_environment_gets_another_fork_server(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one", fork_server=replace(SETTINGS, environment="before")))
    old = fork_server(supervisor)
    up(supervisor, app("two", fork_server=replace(SETTINGS, environment="after")))
    assert fork_server(supervisor) != old
    until(lambda: processes.identify(old) is None)
    assert ask(app())[0] == "two"


@pytest.mark.parametrize(
    "known, why",
    [
        (replace(SETTINGS, fork_guard="served_app:forbid_forks"), "no fork of the fork server"),
        (ForkServerSettings(("served_app", "a_thread_at_import")), "2 threads run after the imports"),
        (ForkServerSettings(("not_there",)), "ended"),
    ],
)
def test_a_generation_imports_the_app_itself_when_forking_is_unsafe(
    supervisor: SupervisorClient, app: App, tmp_path: Path, known: ForkServerSettings, why: str
) -> None:
    code = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    one = app("one", fork_server=known)
    (tmp_path / "modules" / "a_thread_at_import.py").write_text(code)
    up(supervisor, one)
    assert ask(one)[0] == "one"
    assert why in log(supervisor)
    assert "forked as" not in log(supervisor)


def test_a_killed_generation_is_forked_again_and_connections_wait_for_it(
    supervisor: SupervisorClient, app: App
) -> None:
    up(supervisor, app("one"))
    fork_server(supervisor)
    old = serving(supervisor)
    os.kill(old, signal.SIGKILL)
    assert ask(app())[1] != str(old)
    assert log(supervisor).count("forked as process") == 2


def test_a_stop_while_the_fork_server_imports_leaves_no_process(
    supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    one = app("one", fork_server=ForkServerSettings(("served_app", "slow_to_import")))
    (tmp_path / "modules" / "slow_to_import.py").write_text("import time; time.sleep(60)")
    number = supervisor.start(one)["generation"]
    pid = supervisor.status()["fork_servers"][0]["pid"]
    supervisor.stop(["app"], 5)
    with pytest.raises(NotReady):
        supervisor.wait("app", number, 1)
    until(lambda: processes.identify(pid) is None)


def test_a_fork_server_ends_with_its_supervisor(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    pid = fork_server(supervisor)
    os.kill(supervisor_pid(supervisor), signal.SIGKILL)
    until(lambda: processes.identify(pid) is None)


def test_adopted_descendants_leave_no_zombie(supervisor: SupervisorClient, app: App, program: App) -> None:
    code = "import subprocess; subprocess.run(['sh', '-c', 'sleep 0.1 &'])\n"
    up(supervisor, app("one"))
    own = program(code + program().argv[2])
    supervisor.wait("own", supervisor.start(own)["generation"], 60)
    master = supervisor.status()["supervisor"]
    until(lambda: not [row for row in process_table.rows() if row.parent == master and row.state in process_table.GONE])


def warmup(path: str) -> WarmUp:
    return WarmUp(document="to: {upstream}", variable="DOCUMENT", requests=(("GET", path, ""),))


def test_modules_of_the_first_request_are_recorded_and_imported_before_the_fork(
    supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    module_cache = tmp_path / "learnt.json"
    up(supervisor, app("one", fork_server=replace(SETTINGS, warmup=warmup("/lazy"), module_cache=str(module_cache))))
    assert ask(app())[2] == "True"
    ((names),) = json.loads(module_cache.read_text()).values()
    assert "wave" in names


def test_a_warm_up_that_does_not_end_is_stopped(supervisor: SupervisorClient, app: App, tmp_path: Path) -> None:
    endless, module_cache = replace(warmup(f"/stream/{tmp_path}/never"), seconds=0.2), tmp_path / "learnt.json"
    up(supervisor, app("one", fork_server=replace(SETTINGS, warmup=endless, module_cache=str(module_cache))))
    assert ask(app())[0] == "one"
    assert not module_cache.exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_the_warm_up_works_when_its_cache_is_no_file(
    supervisor: SupervisorClient, app: App, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    odd = tmp_path / "no file"
    make(odd)
    up(supervisor, app("one", fork_server=replace(SETTINGS, warmup=warmup("/lazy"), module_cache=str(odd))))
    assert ask(app())[2] == "True"
