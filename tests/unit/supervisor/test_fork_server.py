"""The nursery as a real process: what it is replaced for, what its death changes, and when it is not used."""

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
from flowgate.system.clock import Clock, poll

App = Callable[..., Program]
KEPT = ForkServerSettings(("kept_app",))

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="elsewhere generations are never forked")


def up(supervisor: SupervisorClient, program: Program) -> int:
    number = int(supervisor.start(program)["generation"])
    supervisor.wait("lent", number, 20)
    supervisor.promote("lent", number, program.digest)
    return number


def until(fact: Callable[[], object], seconds: float = 10) -> None:
    assert poll(fact, Clock(), every=0.02, timeout=seconds)


def ask(program: Program, path: str = "/") -> list[str]:
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
    client.request("GET", path)
    with client.getresponse() as answer:
        words = answer.read().decode().split()
    client.close()
    return words


def fork_server(supervisor: SupervisorClient) -> int:
    """Give the pid of the one nursery, once it is ready."""
    until(lambda: [one["state"] for one in supervisor.status()["fork_servers"]] == ["ready"])
    return int(supervisor.status()["fork_servers"][0]["pid"])


def serving(supervisor: SupervisorClient) -> int:
    generation = supervisor.generation("lent")
    assert generation is not None
    return int(generation["pid"])


def log(supervisor: SupervisorClient) -> str:
    return supervisor.log_file.read_text()


def test_generations_are_forked_from_one_nursery(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    first = fork_server(supervisor)
    up(supervisor, app("two"))
    assert fork_server(supervisor) == first
    assert log(supervisor).count("forked as process") == 2


def test_a_newborn_is_a_child_of_the_keeper_in_a_session_of_its_own(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app())
    row = process_table.row(serving(supervisor))
    assert row is not None
    assert (row.parent, row.session) == (supervisor.status()["supervisor"], row.pid)


def test_what_the_imports_set_in_the_environment_a_newborn_has_too(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    assert ask(app())[4] == "yes"


def test_no_key_passes_through_the_nursery(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app())
    assert _holds(serving(supervisor), b"sk-for-generations-only")
    assert not _holds(fork_server(supervisor), b"sk-for-generations-only")


def _holds(pid: int, text: bytes) -> bool:
    """Search a process's whole writable memory."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(one, 16) for one in line.split()[0].split("-"))
            if "rw" in line:
                memory.seek(begin)
                if text in memory.read(end - begin):
                    return True
    return False


def test_a_killed_nursery_is_noticed_by_nobody_and_replaced(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    pid, old = serving(supervisor), fork_server(supervisor)
    os.kill(old, signal.SIGKILL)
    until(lambda: fork_server(supervisor) != old)
    assert (serving(supervisor), ask(app())[0]) == (pid, "one")
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"
    assert supervisor.status()["services"]["lent"]["restarts"] == 0


def test_a_generation_is_forked_while_a_killed_nursery_comes_back(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    os.kill(fork_server(supervisor), signal.SIGKILL)
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"


def test_a_stuck_nursery_is_taken_down_and_the_generation_comes_up_all_the_same(
    supervisor: SupervisorClient, app: App
) -> None:
    up(supervisor, app("one"))
    old = fork_server(supervisor)
    os.kill(old, signal.SIGSTOP)
    up(supervisor, app("two"))
    assert ask(app())[0] == "two"
    assert processes.identify(old) is None


def test_another_environment_on_disk_asks_for_another_nursery(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one", fork_server=replace(KEPT, environment="before")))
    old = fork_server(supervisor)
    up(supervisor, app("two", fork_server=replace(KEPT, environment="after")))
    assert fork_server(supervisor) != old
    assert processes.identify(old) is None
    assert ask(app())[0] == "two"


@pytest.mark.parametrize(
    "known, why",
    [
        (replace(KEPT, fork_guard="kept_app:object_to_forks"), "no fork of the nursery"),
        (ForkServerSettings(("kept_app", "a_thread_at_import")), "2 threads run after the imports"),
        (ForkServerSettings(("not_there",)), "ended"),
    ],
)
def test_where_forking_is_unsafe_a_generation_imports_the_app_itself(
    supervisor: SupervisorClient, app: App, tmp_path: Path, known: ForkServerSettings, why: str
) -> None:
    code = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    one = app("one", fork_server=known)
    (tmp_path / "modules" / "a_thread_at_import.py").write_text(code)
    up(supervisor, one)
    assert ask(one)[0] == "one"
    assert why in log(supervisor)
    assert "forked as" not in log(supervisor)


def test_a_killed_generation_is_back_from_the_nursery_and_connections_wait_for_it(
    supervisor: SupervisorClient, app: App
) -> None:
    up(supervisor, app("one"))
    fork_server(supervisor)
    old = serving(supervisor)
    os.kill(old, signal.SIGKILL)
    assert ask(app())[1] != str(old)
    assert log(supervisor).count("forked as process") == 2


def test_stopping_while_the_nursery_imports_leaves_nothing(
    supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    one = app("one", fork_server=ForkServerSettings(("kept_app", "slow_to_import")))
    (tmp_path / "modules" / "slow_to_import.py").write_text("import time; time.sleep(60)")
    number = int(supervisor.start(one)["generation"])
    pid = int(supervisor.status()["fork_servers"][0]["pid"])
    supervisor.stop(["lent"], 5)
    with pytest.raises(NotReady):
        supervisor.wait("lent", number, 1)
    until(lambda: processes.identify(pid) is None)


def test_a_killed_keeper_takes_its_nursery_with_it(supervisor: SupervisorClient, app: App) -> None:
    up(supervisor, app("one"))
    pid = fork_server(supervisor)
    os.kill(int(supervisor.status()["supervisor"]), signal.SIGKILL)
    until(lambda: processes.identify(pid) is None)


def test_descendants_that_are_adopted_leave_no_zombie(supervisor: SupervisorClient, app: App, program: App) -> None:
    code = "import subprocess; subprocess.run(['sh', '-c', 'sleep 0.1 &'])\n"
    up(supervisor, app("one"))
    own = program(code + program().argv[2])
    supervisor.wait("own", int(supervisor.start(own)["generation"]), 20)
    master = supervisor.status()["supervisor"]
    until(lambda: not [row for row in process_table.rows() if row.parent == master and row.state in process_table.GONE])


def warmup(path: str) -> WarmUp:
    return WarmUp(document="to: {upstream}", variable="DOCUMENT", requests=(("GET", path, ""),))


def test_what_a_first_answer_imports_is_learnt_and_imported_before_the_fork(
    supervisor: SupervisorClient, app: App, tmp_path: Path
) -> None:
    module_cache = tmp_path / "learnt.json"
    up(supervisor, app("one", fork_server=replace(KEPT, warmup=warmup("/lazy"), module_cache=str(module_cache))))
    assert ask(app())[2] == "True"
    ((names),) = json.loads(module_cache.read_text()).values()
    assert "wave" in names


def test_a_rehearsal_that_never_ends_is_broken_off(supervisor: SupervisorClient, app: App, tmp_path: Path) -> None:
    endless, module_cache = replace(warmup(f"/stream/{tmp_path}/never"), seconds=0.2), tmp_path / "learnt.json"
    up(supervisor, app("one", fork_server=replace(KEPT, warmup=endless, module_cache=str(module_cache))))
    assert ask(app())[0] == "one"
    assert not module_cache.exists()


def test_what_was_learnt_need_not_be_written_down(supervisor: SupervisorClient, app: App, tmp_path: Path) -> None:
    folder = tmp_path / "no file"
    folder.mkdir()
    up(supervisor, app("one", fork_server=replace(KEPT, warmup=warmup("/lazy"), module_cache=str(folder))))
    assert ask(app())[2] == "True"
