"""Every command, in both spellings, on the real command line: `inv a.b` and `flowgate a b` do and say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT, CompletedCommand, Workspace, without_crash

if TYPE_CHECKING:
    from collections.abc import Iterator

# What both spellings are run for and must answer alike: (inv's words, flowgate's words, exit code).
ALIKE = [
    ("status --json", "status --json", 0),
    ("health", "health", 0),
    ("doctor", "doctor", 0),
    ("profile.list", "profile list", 0),
    ("profile.show --name cost", "profile show cost", 0),
    ("profile.diff balanced cost", "profile diff balanced cost", 0),
    ("auth.list", "auth list", 0),
    ("auth.status", "auth status", 0),
    ("events --event play --lines 1", "events --event play --lines 1", 0),
    ("service.logs litellm --lines 3", "service logs litellm --lines 3", 0),
    ("key.path", "key path", 0),
    ("steps", "steps", 0),
    ("completion bash", "completion bash", 0),
    ("security.check", "security check", 0),
    ("play up --syntax-check", "play up --syntax-check", 0),
    ("auth.login codecks", "auth codecks login", 2),
    ("auth.import-headless kimi", "auth kimi import-headless", 2),
    ("bootstrap.rollback", "bootstrap rollback", 3),
    ("bootstrap.download --offline", "bootstrap download --offline", 3),
]
# What changes something: done by one spelling and undone by the other.
IN_TURN = [
    ("inv", "service.stop --service litellm"),
    ("flowgate", "service start litellm"),
    ("inv", "profile.set cost"),
    ("flowgate", "profile set balanced"),
    ("flowgate", "service restart litellm"),
    ("flowgate", "service reload"),
    ("inv", "service.reload --service cliproxyapi_plus"),
    ("inv", "service.restart --service litellm"),
    ("flowgate", "service stop"),
    ("inv", "service.start"),
    ("flowgate", "down"),
    ("flowgate", "up --profile cost"),
    ("inv", "down"),
    ("flowgate", "smoke --profile reliability --startup-timeout 60"),
    ("flowgate", "play smoke -e profile=balanced --check"),
]
# Tasks that are run elsewhere, and where.
ELSEWHERE = {
    "auth.login": "tests/live/test_accounts.py, tests/live/test_browser.py",
    "auth.import-headless": "tests/live/test_accounts.py",
    "ask": "tests/live/test_gateway.py",
    "explain": "tests/live/test_gateway.py",
    "cooldowns": "tests/live/test_cooldowns.py",
    "rehearse": "tests/live/test_rehearse.py",
    "init": "tests/desk/test_init.py",
    "security.install-hook": "tests/desk/test_security.py",
    "release": "tests/desk/test_release.py",
    "docs": "tests/test_package.py",
    **dict.fromkeys(("test", "lint", "format", "typecheck", "ci", "bench", "build", "clean"), "the workflow itself"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One running stack of stand-ins."""
    found = Workspace(tmp_path_factory.mktemp("c")).write()
    found.inv("up")
    yield found
    found.kill_processes()


def run(place: Workspace, front: str, words: str) -> CompletedCommand:
    """Run a command by either front door."""
    code = "from flowgate.cli.main import main; main()"
    program = ["-m", "invoke"] if front == "inv" else ["-c", code]
    argv = [sys.executable, *program, *words.split()]
    return without_crash(
        subprocess.run(
            argv, cwd=CHECKOUT, env=place.environment(), capture_output=True, text=True, timeout=90, check=False
        )
    )


def lasting(text: str) -> str:
    """Take out what differs from one moment to the next."""
    return re.sub(r"\d+([.:]\d+)*", "#", text)


@pytest.mark.parametrize(("inv", "flowgate", "code"), ALIKE, ids=[row[1] for row in ALIKE])
def test_both_spellings_say_the_same(place: Workspace, inv: str, flowgate: str, code: int) -> None:
    one, other = run(place, "inv", inv), run(place, "flowgate", flowgate)
    assert (one.returncode, other.returncode) == (code, code), one.stderr + other.stderr
    assert lasting(one.stdout) == lasting(other.stdout)


def test_what_one_spelling_does_the_other_undoes(place: Workspace) -> None:
    for front, words in IN_TURN:
        done = run(place, front, words)
        assert done.returncode == 0, f"{front} {words}\n{done.stderr}"
    assert place.nothing_runs()


def test_no_command_is_left_out() -> None:
    ran = {row[0].split()[0] for row in ALIKE} | {words.split()[0] for front, words in IN_TURN if front == "inv"}
    ran |= {"up", "smoke", "play"}
    assert set(load_tasks().task_names) - ran - ELSEWHERE.keys() == set()
