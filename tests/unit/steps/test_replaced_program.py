"""An update of CLIProxyAPIPlus beside the running program is said by `start`, until a restart."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from flowgate.domain import Result
from flowgate.gateway.install_record import FIELDS
from flowgate.steps._replaced_program import replaced_program
from flowgate.steps.start import start
from flowgate.system import process_table, replace_file

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage

pytestmark = pytest.mark.skipif(not process_table.LINUX, reason="reads /proc")
OLD, NEW = "7.2.101-1", "7.2.137-9"


def record(version: str) -> str:
    return json.dumps({**dict.fromkeys(FIELDS, "x"), "version": version})


@pytest.fixture
def program(stage: Stage) -> Iterator[Path]:
    """A binary program that runs as the service and is recorded as installed."""
    path = stage.runtime / "bin" / "CLIProxyAPIPlus"
    path.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "", path)
    path.with_name("CLIProxyAPIPlus.lock").write_text(record(OLD))
    stage.configure(program=str(path)).prepared()
    running = subprocess.Popen([str(path), "60"])
    stage.supervisor.run("litellm").run("cliproxyapi_plus", pid=running.pid)
    stage.supervisor.up_to_date = {"litellm", "cliproxyapi_plus"}
    yield path
    running.kill()
    running.wait()


def install(path: Path) -> None:
    """Install another version as `bootstrap download` does."""
    new, lock = path.with_name("new"), path.with_name(f"{path.name}.lock")
    previous = path.with_name(f"{path.name}.previous")
    shutil.copy(path, new)
    replace_file.replace(new, path, previous)
    previous.with_name(f"{previous.name}.lock").write_text(lock.read_text())
    lock.write_text(record(NEW))


def said_by_start(stage: Stage, service: Literal["all", "litellm"] = "all") -> str:
    found = start(stage.context().read_only(), service=service)
    assert isinstance(found, Result)
    return found.message


def test_a_program_that_was_not_replaced_is_running(stage: Stage, program: Path) -> None:
    assert said_by_start(stage) == "already running: cliproxyapi_plus, litellm"


def test_a_replaced_program_is_named_with_both_versions_and_the_restart(stage: Stage, program: Path) -> None:
    install(program)
    message = said_by_start(stage)
    assert f"cliproxyapi_plus still runs {OLD}, and {NEW} is installed" in message
    assert "inv service.restart --service cliproxyapi_plus" in message


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.with_name("CLIProxyAPIPlus.previous").unlink(),
        lambda path: path.with_name("CLIProxyAPIPlus.previous.lock").unlink(),
        lambda path: install(path),  # the one that runs is older than the previous one
    ],
)
def test_a_version_that_is_not_known_is_not_guessed(
    stage: Stage, program: Path, damage: Callable[[Path], object]
) -> None:
    install(program)
    damage(program)
    said = replaced_program(stage.context())
    assert said == f"cliproxyapi_plus still runs the program that was replaced, and {NEW} is installed"


def test_after_a_rollback_the_running_program_is_the_installed_one(stage: Stage, program: Path) -> None:
    install(program)
    replace_file.swap(program, program.with_name("CLIProxyAPIPlus.previous"))
    assert replaced_program(stage.context()) == ""


def test_one_service_is_asked_about_alone(stage: Stage, program: Path) -> None:
    install(program)
    assert "still runs" not in said_by_start(stage, "litellm")
    stage.supervisor.up_to_date = {"cliproxyapi_plus"}
    assert "still runs" in stage.apply(start)[1]["message"]
