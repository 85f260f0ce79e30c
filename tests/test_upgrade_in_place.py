"""FlowGate's own files are replaced while a gateway runs, as `uv tool upgrade` does."""

from __future__ import annotations

import json
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, CompletedCommand, Workspace, wait

CODE = "import sys; sys.argv[0] = 'flowgate'; from flowgate.cli.main import main; main()"
PROTOCOL = "PROTOCOL_VERSION = 1"


@dataclass
class Installation:
    """FlowGate as a wheel installs it, in an environment of its own, and a gateway of fake programs."""

    environment: Path
    workspace: Workspace

    @property
    def packages(self) -> Path:
        return self.environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

    def install(self, version: str, *changes: tuple[str, str, str]) -> None:
        """Replace the package by a version that differs in some lines: (file, old, new)."""
        target = self.packages / "flowgate"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(CHECKOUT / "flowgate", target, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(CHECKOUT / "tasks.py", target)
        shutil.copytree(CHECKOUT / "playbooks", target / "playbooks")
        shutil.copytree(CHECKOUT / "config" / "examples", target / "examples")
        for file, old, new in (("__init__.py", '"0.1.0"', f'"{version}"'), *changes):
            text = (target / file).read_text()
            assert old in text
            (target / file).write_text(text.replace(old, new))

    def run(self, *words: str, code: int = 0) -> CompletedCommand:
        python = str(self.environment / "bin" / "python")
        done = self.workspace.start(*words, program=(python, "-P", "-c", CODE)).wait_for_exit()
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def pids(self) -> dict[str, int]:
        status = json.loads(self.run("status", "--json").stdout)
        return {name: one["pid"] for name, one in status["services"].items()}

    def has_another(self, service: str, before: dict[str, int]) -> bool:
        """Return whether a service runs in another process than before."""
        return self.pids()[service] not in (None, before[service])


@pytest.fixture
def installed(workspace: Workspace) -> Iterator[Installation]:
    environment = workspace.folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    found = Installation(environment, workspace)
    (found.packages / "others.pth").write_text(f"{site.getsitepackages()[0]}\n")
    found.install("0.1.0")
    found.run("up")
    yield found
    workspace.kill_processes()


def test_the_old_supervisor_goes_on_and_new_commands_use_it(installed: Installation) -> None:
    before, supervisor = installed.pids(), installed.workspace.supervisor().pid
    installed.install("0.2.0")
    assert "0.2.0" in installed.run("--version").stdout
    assert installed.pids() == before
    installed.run("profile", "set", "cost")
    assert installed.pids()["cliproxyapi_plus"] == before["cliproxyapi_plus"]
    assert installed.pids()["litellm"] != before["litellm"]
    assert installed.workspace.supervisor().pid == supervisor
    installed.run("down")
    assert installed.workspace.nothing_runs()


def test_a_process_that_dies_afterwards_is_started_again(installed: Installation) -> None:
    before = installed.pids()
    installed.install("0.2.0")
    next(one for one in installed.workspace.services() if one.pid == before["cliproxyapi_plus"]).kill()
    assert wait(lambda: installed.has_another("cliproxyapi_plus", before))
    installed.run("health")
    installed.run("down")


def test_without_its_files_the_supervisor_still_starts_what_died(installed: Installation) -> None:
    before = installed.pids()
    shutil.move(installed.packages, installed.environment / "aside")  # libraries too
    next(one for one in installed.workspace.services() if one.pid == before["cliproxyapi_plus"]).kill()
    started = installed.workspace.service_events
    assert wait(lambda: len(started("upstream start")) == 2)
    shutil.move(installed.environment / "aside", installed.packages)
    installed.install("0.2.0")
    assert wait(lambda: installed.has_another("cliproxyapi_plus", before))
    installed.run("down")
    assert installed.workspace.nothing_runs()


def test_a_supervisor_of_an_older_protocol_is_replaced_and_its_services_stay(installed: Installation) -> None:
    before, supervisor = installed.pids(), installed.workspace.supervisor().pid
    installed.install("0.2.0", ("supervisor/protocol.py", PROTOCOL, "PROTOCOL_VERSION = 2"))
    assert installed.pids() == before
    assert installed.workspace.supervisor().pid != supervisor
    installed.run("down")
    assert installed.workspace.nothing_runs()


def test_an_older_flowgate_leaves_a_newer_supervisor_alone(installed: Installation) -> None:
    installed.install("0.2.0", ("supervisor/protocol.py", PROTOCOL, "PROTOCOL_VERSION = 2"))
    before, supervisor = installed.pids(), installed.workspace.supervisor().pid
    installed.install("0.1.0")
    refused = installed.run("status", code=3)
    assert "was started by a newer FlowGate" in refused.stderr
    assert installed.workspace.supervisor().pid == supervisor
    installed.install("0.2.0", ("supervisor/protocol.py", PROTOCOL, "PROTOCOL_VERSION = 2"))
    assert installed.pids() == before
