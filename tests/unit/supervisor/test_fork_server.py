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

from flowgate.domain import Nursery, Program, Rehearsal
from flowgate.errors import NotReady
from flowgate.supervisor.client import Keeper
from flowgate.system import process_table, processes
from flowgate.system.clock import Clock, poll

App = Callable[..., Program]
KEPT = Nursery(("kept_app",))

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="elsewhere generations are never forked")


def up(keeper: Keeper, program: Program) -> int:
    number = int(keeper.start(program)["generation"])
    keeper.wait("lent", number, 20)
    keeper.promote("lent", number)
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


def nursery(keeper: Keeper) -> int:
    """Give the pid of the one nursery, once it is ready."""
    until(lambda: [one["state"] for one in keeper.status()["nurseries"]] == ["ready"])
    return int(keeper.status()["nurseries"][0]["pid"])


def serving(keeper: Keeper) -> int:
    generation = keeper.generation("lent")
    assert generation is not None
    return int(generation["pid"])


def log(keeper: Keeper) -> str:
    return keeper.log_file.read_text()


def test_generations_are_forked_from_one_nursery(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    first = nursery(keeper)
    up(keeper, app("two"))
    assert nursery(keeper) == first
    assert log(keeper).count("forked as process") == 2


def test_a_newborn_is_a_child_of_the_keeper_in_a_session_of_its_own(keeper: Keeper, app: App) -> None:
    up(keeper, app())
    row = process_table.row(serving(keeper))
    assert row is not None
    assert (row.parent, row.session) == (keeper.status()["keeper"], row.pid)


def test_what_the_imports_set_in_the_environment_a_newborn_has_too(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    assert ask(app())[4] == "yes"


def test_no_key_passes_through_the_nursery(keeper: Keeper, app: App) -> None:
    up(keeper, app())
    assert _holds(serving(keeper), b"sk-for-generations-only")
    assert not _holds(nursery(keeper), b"sk-for-generations-only")


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


def test_a_killed_nursery_is_noticed_by_nobody_and_replaced(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    pid, old = serving(keeper), nursery(keeper)
    os.kill(old, signal.SIGKILL)
    until(lambda: nursery(keeper) != old)
    assert (serving(keeper), ask(app())[0]) == (pid, "one")
    up(keeper, app("two"))
    assert ask(app())[0] == "two"
    assert keeper.status()["services"]["lent"]["restarts"] == 0


def test_a_generation_is_forked_while_a_killed_nursery_comes_back(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    os.kill(nursery(keeper), signal.SIGKILL)
    up(keeper, app("two"))
    assert ask(app())[0] == "two"


def test_a_stuck_nursery_is_taken_down_and_the_generation_comes_up_all_the_same(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    old = nursery(keeper)
    os.kill(old, signal.SIGSTOP)
    up(keeper, app("two"))
    assert ask(app())[0] == "two"
    assert processes.identify(old) is None


def test_another_environment_on_disk_asks_for_another_nursery(keeper: Keeper, app: App) -> None:
    up(keeper, app("one", nursery=replace(KEPT, environment="before")))
    old = nursery(keeper)
    up(keeper, app("two", nursery=replace(KEPT, environment="after")))
    assert nursery(keeper) != old
    assert processes.identify(old) is None
    assert ask(app())[0] == "two"


@pytest.mark.parametrize(
    "known, why",
    [
        (replace(KEPT, reserve="kept_app:object_to_forks"), "no fork of the nursery"),
        (Nursery(("kept_app", "a_thread_at_import")), "2 threads run after the imports"),
        (Nursery(("not_there",)), "ended"),
    ],
)
def test_where_forking_is_unsafe_a_generation_imports_the_app_itself(
    keeper: Keeper, app: App, tmp_path: Path, known: Nursery, why: str
) -> None:
    code = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    one = app("one", nursery=known)
    (tmp_path / "modules" / "a_thread_at_import.py").write_text(code)
    up(keeper, one)
    assert ask(one)[0] == "one"
    assert why in log(keeper)
    assert "forked as" not in log(keeper)


def test_a_killed_generation_is_back_from_the_nursery_and_connections_wait_for_it(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    nursery(keeper)
    old = serving(keeper)
    os.kill(old, signal.SIGKILL)
    assert ask(app())[1] != str(old)
    assert log(keeper).count("forked as process") == 2


def test_stopping_while_the_nursery_imports_leaves_nothing(keeper: Keeper, app: App, tmp_path: Path) -> None:
    one = app("one", nursery=Nursery(("kept_app", "slow_to_import")))
    (tmp_path / "modules" / "slow_to_import.py").write_text("import time; time.sleep(60)")
    number = int(keeper.start(one)["generation"])
    pid = int(keeper.status()["nurseries"][0]["pid"])
    keeper.stop(["lent"], 5)
    with pytest.raises(NotReady):
        keeper.wait("lent", number, 1)
    until(lambda: processes.identify(pid) is None)


def test_a_killed_keeper_takes_its_nursery_with_it(keeper: Keeper, app: App) -> None:
    up(keeper, app("one"))
    pid = nursery(keeper)
    os.kill(int(keeper.status()["keeper"]), signal.SIGKILL)
    until(lambda: processes.identify(pid) is None)


def test_descendants_that_are_adopted_leave_no_zombie(keeper: Keeper, app: App, program: App) -> None:
    code = "import subprocess; subprocess.run(['sh', '-c', 'sleep 0.1 &'])\n"
    up(keeper, app("one"))
    own = program(code + program().argv[2])
    keeper.wait("own", int(keeper.start(own)["generation"]), 20)
    master = keeper.status()["keeper"]
    until(lambda: not [row for row in process_table.rows() if row.parent == master and row.state in process_table.GONE])


def rehearsal(path: str) -> Rehearsal:
    return Rehearsal(document="to: {upstream}", variable="DOCUMENT", questions=(("GET", path, ""),))


def test_what_a_first_answer_imports_is_learnt_and_imported_before_the_fork(
    keeper: Keeper, app: App, tmp_path: Path
) -> None:
    learnt = tmp_path / "learnt.json"
    up(keeper, app("one", nursery=replace(KEPT, rehearsal=rehearsal("/lazy"), learnt=str(learnt))))
    assert ask(app())[2] == "True"
    ((names),) = json.loads(learnt.read_text()).values()
    assert "wave" in names


def test_a_rehearsal_that_never_ends_is_broken_off(keeper: Keeper, app: App, tmp_path: Path) -> None:
    endless, learnt = replace(rehearsal(f"/stream/{tmp_path}/never"), seconds=0.2), tmp_path / "learnt.json"
    up(keeper, app("one", nursery=replace(KEPT, rehearsal=endless, learnt=str(learnt))))
    assert ask(app())[0] == "one"
    assert not learnt.exists()


def test_what_was_learnt_need_not_be_written_down(keeper: Keeper, app: App, tmp_path: Path) -> None:
    folder = tmp_path / "no file"
    folder.mkdir()
    up(keeper, app("one", nursery=replace(KEPT, rehearsal=rehearsal("/lazy"), learnt=str(folder))))
    assert ask(app())[2] == "True"
