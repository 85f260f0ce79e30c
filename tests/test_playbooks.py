"""The shipped playbooks: they are valid, a second run changes nothing, and the commands execute them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.errors import UsageError
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse
from flowgate.system import locations
from tests.conftest import wait

if TYPE_CHECKING:
    from flowgate.domain import Task
    from tests.conftest import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(locations.playbooks().glob("*.yml"))
CATALOG = Catalog(steps_in("flowgate.steps"))
OTHER_FOLDER = """
import sys
from pathlib import Path
from flowgate.system import locations
locations.playbooks = lambda: Path(sys.argv[1])
from invoke.main import program
program.run(["inv", *sys.argv[2:]])
"""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_playbook_is_valid(path: Path) -> None:
    plays = parse(path.read_text(), str(path))
    check(plays, CATALOG, (), defaults=("profile",))
    assert all(task.name for play in plays for task in play.tasks if task.step)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_misspelt_step_is_rejected(path: Path) -> None:
    plays = parse(path.read_text(), str(path))
    for word in {task.step for play in plays for task in flat(play.tasks)}:
        text = path.read_text().replace(f"{word}:", f"{word[:-1]}_:")
        with pytest.raises(UsageError):
            check(parse(text, "x.yml"), CATALOG, (), defaults=("profile",))


def flat(tasks: tuple[Task, ...]) -> list[Task]:
    inside = [flat(one.block) + flat(one.rescue) + flat(one.always) for one in tasks]
    return [one for one in tasks if one.step] + [one for group in inside for one in group]


def marks(message: str) -> str:
    """Return the marks of the tasks: "=" unchanged, "~" changed, "-" skipped, "!" failed."""
    return "".join(line[0] for line in message.splitlines() if line[:2] in ("= ", "~ ", "- ", "! "))


def test_the_second_run_changes_nothing(workspace: Workspace) -> None:
    supervisor_log = workspace.folder / ".router" / "logs" / "flowgate.log"
    for words in (("up",), ("profile.set", "cost"), ("down",)):
        assert "~" in marks(workspace.inv(*words).stderr)
        assert wait(lambda: "requests by account" in supervisor_log.read_text())  # said once, after the start
        before = workspace.snapshot(), sorted(one.pid for one in workspace.services())
        message = workspace.inv(*words).stderr
        assert set(marks(message)) <= {"=", "-"}, message
        log = str(workspace.runtime / "events.log")
        changed = {path for path, about in workspace.snapshot().items() if before[0].get(path) != about}
        assert {path for path in changed if "service-events" not in path} <= {log, str(workspace.runtime / "lock")}
        assert sorted(one.pid for one in workspace.services()) == before[1]


def run_over(workspace: Workspace, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `inv` with the playbooks of another folder."""
    argv = [sys.executable, "-c", OTHER_FOLDER, str(folder), *words]
    env = workspace.environment()
    return subprocess.run(argv, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped playbooks."""
    return Path(shutil.copytree(locations.playbooks(), tmp_path / "playbooks"))


def test_smoke_skips_a_task_deleted_from_its_playbook(workspace: Workspace, folder: Path) -> None:
    playbook = folder / "smoke.yml"
    task = "        - name: Smoke\n          smoke:"
    lines = playbook.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith("        - name: Smoke"))
    assert lines[at + 1].startswith(task.splitlines()[1])
    playbook.write_text("".join(lines[:at] + lines[at + 2 :]))
    done = run_over(workspace, folder, "smoke")
    assert done.returncode == 0, done.stderr
    assert "Wait healthy" in done.stderr
    assert "Smoke" not in done.stderr
    assert not workspace.service_events("/v1/models")


def test_up_runs_a_task_added_to_its_playbook(workspace: Workspace, folder: Path) -> None:
    playbook = folder / "up.yml"
    playbook.write_text(playbook.read_text() + "    - name: Another task\n      debug: { msg: added message }\n")
    done = run_over(workspace, folder, "up")
    assert "Another task" in done.stderr
    assert "added message" in done.stdout + done.stderr


def test_an_invalid_playbook_is_rejected_and_nothing_runs(workspace: Workspace, folder: Path) -> None:
    playbook = folder / "smoke.yml"
    playbook.write_text(playbook.read_text().replace("wait_healthy:", "wait_helthy:"))
    before = workspace.snapshot()
    done = run_over(workspace, folder, "smoke")
    assert (done.returncode, "did you mean 'wait_healthy'?" in done.stderr) == (2, True)
    assert workspace.snapshot() == before
