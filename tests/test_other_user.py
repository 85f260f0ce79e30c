"""A runtime folder, or a part of it, belongs to another user: one sentence on stderr and exit code 3."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, CompletedCommand, Workspace
from tests.unit.ledger.conftest import record

SOMEBODY = 65534
MAIN = "from flowgate.cli.main import main; main()"
# Root may read everything but for these two capabilities. Another user has none, and is shut out by the mode.
WITHOUT_RIGHTS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
COMMANDS = [
    "status",
    "health",
    "doctor",
    "doctor --json",
    "doctor --fix",
    "security check",
    "key path",
    "key path --json",
]
COMMANDS += [
    "service logs litellm",
    "service logs litellm --follow",
    "events",
    "profile list",
    "profile show",
    "explain",
    "usage",
    "audit",
]
COMMANDS += [
    "cooldowns",
    "auth list",
    "auth status",
    "ask hi",
    "up",
    "down",
    "--dry up",
    "profile set cost",
    "rehearse",
]
PARTS = {
    "secrets": ["key path", "security check", "up"],
    "runtime/process-logs": ["service logs litellm", "service logs cliproxyapi_plus"],
    "runtime/run": ["status", "doctor", "down"],
    "runtime/state.json": ["profile list", "up"],
    "runtime/events.log": ["events", "events --follow"],
    "runtime/ledger.sqlite": ["usage", "audit", "explain --failed"],
    "runtime/lock": ["up", "down"],
    "auths": ["auth status", "security check"],
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A gateway that ran and was stopped."""
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root needs setpriv to give up its rights")
    with Workspace(tmp_path_factory.mktemp("o")).write() as place:
        place.inv("up")
        place.inv("down")
        (place.folder / ".router" / "auths").mkdir(mode=0o700, exist_ok=True)
        record(place.runtime / "ledger.sqlite")
        yield place


def give_away(path: Path, owner: int, mode: int) -> None:
    """Give a file or folder to a user; without root's rights, take the own access away instead."""
    if os.getuid() == 0:
        os.chown(path, owner, -1)
        path.chmod(0o700)
    else:
        path.chmod(mode)


def run(place: Workspace, words: str, theirs: Path) -> CompletedCommand:
    """Run a command while a path is somebody else's."""
    before = [*WITHOUT_RIGHTS] if os.getuid() == 0 else []
    argv = [*before, sys.executable, "-c", MAIN, *words.split()]
    give_away(theirs, SOMEBODY, 0)
    try:
        return subprocess.run(
            argv, cwd=CHECKOUT, env=place.environment(), capture_output=True, text=True, timeout=90, check=False
        )
    finally:
        give_away(theirs, os.getuid(), 0o700)


def check(done: CompletedCommand, theirs: Path) -> None:
    """Check that a command said once what it may not read; checks report it as a finding."""
    said = [line for line in (done.stdout + done.stderr).splitlines() if "permission denied" in line]
    assert done.returncode == (1 if "fail " in done.stdout else 3), done.stdout + done.stderr
    assert len(said) == 1, done.stdout + done.stderr
    assert str(theirs) in said[0]
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", COMMANDS)
def test_the_whole_folder_is_theirs(stopped: Workspace, words: str) -> None:
    theirs = stopped.folder / ".router"
    check(run(stopped, words, theirs), theirs)


@pytest.mark.parametrize("part, words", [(part, words) for part, commands in PARTS.items() for words in commands])
def test_a_part_is_theirs(stopped: Workspace, part: str, words: str) -> None:
    theirs = stopped.folder / ".router" / part
    check(run(stopped, words, theirs), theirs)
