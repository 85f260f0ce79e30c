"""Every command in both spellings: `inv a.b` and `flowgate a b` do and print the same.

Each runs at least once in a process that Python starts: where it is compared, `inv` is a fork, and `flowgate` is not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT, CompletedCommand, Workspace, wait, without_crash

if TYPE_CHECKING:
    from collections.abc import Iterator

# Commands that print the same in both spellings: (inv's words, flowgate's words, exit code).
SAME_OUTPUT = [
    ("status --json", "status --json", 0),
    ("health", "health", 0),
    ("doctor", "doctor", 0),
    ("profile.list", "profile list", 0),
    ("profile.show --name cost", "profile show cost", 0),
    ("profile.diff balanced cost", "profile diff balanced cost", 0),
    ("auth.list", "auth list", 0),
    ("auth.status", "auth status", 0),
    ("usage --by day", "usage --by day", 0),
    ("audit --since 2h", "audit --since 2h", 0),
    ("audit --since tomorrow", "audit --since tomorrow", 2),
    ("budgets", "budgets", 0),
    ("budgets --warn-at 101", "budgets --warn-at 101", 2),
    ("usage --by account", "usage --by account", 0),
    ("quota", "quota", 0),
    ("quota --warn-at 0", "quota --warn-at 0", 2),
    ("usage --csv --json", "usage --csv --json", 2),
    ("events --event play --lines 1", "events --event play --lines 1", 0),
    ("service.logs litellm --lines 3", "service logs litellm --lines 3", 0),
    ("key.path", "key path", 0),
    ("client.list", "client list", 0),
    ("client.add no/name", "client add no/name", 2),
    ("client.remove nobody", "client remove nobody", 2),
    ("steps", "steps", 0),
    ("export.systemd --to out --dry", "export systemd --to out --dry", 0),
    ("export.kubernetes --to out", "export kubernetes --to out", 2),
    ("export.ansible --to out --dry", "export ansible --to out --dry", 0),
    ("fleet.status", "fleet status", 2),
    ("litellm.list --offline", "litellm list --offline", 0),
    ("completion bash", "completion bash", 0),
    ("security.check", "security check", 0),
    ("play up --syntax-check", "play up --syntax-check", 0),
    ("auth.login codecks", "auth codecks login", 2),
    ("auth.import-headless kimi", "auth kimi import-headless", 2),
    ("ask hi --json", "ask hi --json", 0),
    ("ask hi --json --stream", "ask hi --json --stream", 2),
    ("bootstrap.sources", "bootstrap sources", 0),
    ("bootstrap.rollback", "bootstrap rollback", 3),
    ("litellm.rollback", "litellm rollback", 2),  # its LiteLLM is a program of its own
    ("bootstrap.download --offline", "bootstrap download --offline", 3),
]
# Commands that change something: one spelling does it, the other undoes it.
IN_ORDER = [
    ("inv", "client.add laptop --expires 1d"),
    ("flowgate", "client rotate laptop"),
    ("inv", "client.rotate laptop"),
    ("inv", "client.remove laptop"),
    ("flowgate", "client add laptop --models router-default"),
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
# Commands that their own tests run as forks (`tests/commands.py`): here Python starts, and they import what they need.
STARTED = [
    ("explain --last 3", 0),
    ("cooldowns", 0),
    ("rehearse --scenario nothing", 2),
    ("auth.import-headless codex", 2),
    ("stacks", 0),
    ("uninstall --dry", 2),
    ("service.install --dry", 0),
    ("service.uninstall --dry", 0),
    ("service.recover", 0),
    ("litellm.upgrade --dry", 2),
    ("export.compose --to out --dry", 2),
    ("top --once", 0),
    ("client.run openai-env -- true", 0),
    ("mcp", 0),
]
# Tasks that other tests run.
ELSEWHERE = {
    "run": "tests/test_run.py",
    "client.run": "tests/test_client_run.py",
    "client.test": "tests/live/test_client_run.py",
    "auth.login": "tests/live/test_accounts.py, tests/live/test_browser.py",
    "auth.import-headless": "tests/live/test_accounts.py",
    "ask": "tests/live/test_gateway.py",
    "explain": "tests/live/test_gateway.py",
    "cooldowns": "tests/live/test_cooldowns.py",
    "rehearse": "tests/live/test_rehearse.py",
    "dashboard": "tests/test_dashboard.py",
    "mcp": "tests/test_mcp.py",
    **dict.fromkeys(("export.kubernetes", "export.compose"), "tests/unit/export"),
    "top": "tests/test_top.py",
    "litellm.upgrade": "tests/live/test_litellm_upgrade.py",
    "init": "tests/unit/cli/test_init.py",
    "stacks": "tests/test_stacks.py",
    **dict.fromkeys(("backup", "restore"), "tests/test_backup.py"),
    "uninstall": "tests/test_uninstall.py",
    **dict.fromkeys(("service.install", "service.uninstall"), "tests/test_service_install.py"),
    "service.recover": "tests/test_faults.py",
    "security.install-hook": "tests/unit/cli/test_security.py",
    "release": "tests/unit/dev/test_release.py",
    "docs": "tests/test_package.py",
    **dict.fromkeys(
        ("test", "lint", "format", "typecheck", "ci", "bench", "build", "clean"), "the developer's workflow"
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A running gateway of fake programs."""
    with Workspace(tmp_path_factory.mktemp("c")).write() as found:
        found.inv("up")
        assert wait(lambda: found.json("status")["usage_source"]["state"] == "absent")  # found out after the start
        yield found


def run(place: Workspace, program: str, words: str) -> CompletedCommand:
    """Run a command with `inv` or `flowgate`."""
    code = "from flowgate.cli.main import main; main()"
    command = ["-m", "invoke"] if program == "inv" else ["-c", code]
    argv = [sys.executable, *command, *words.split()]
    return without_crash(
        subprocess.run(
            argv,
            cwd=CHECKOUT,
            env=place.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    )


def comparable(text: str) -> str:
    """Replace numbers, which differ between two calls, and spell commands in one way."""
    spelled = re.sub(r"\binv ([a-z.-]+)", lambda found: f"flowgate {found[1].replace('.', ' ')}", text)
    return re.sub(r"\d+([.:]\d+)*", "#", spelled)


@pytest.mark.parametrize(("inv", "flowgate", "code"), SAME_OUTPUT, ids=[row[1] for row in SAME_OUTPUT])
def test_both_spellings_print_the_same(place: Workspace, inv: str, flowgate: str, code: int) -> None:
    one, other = place.start(*inv.split()).wait_for_exit(), run(place, "flowgate", flowgate)
    assert (one.returncode, other.returncode) == (code, code), one.stderr + other.stderr
    assert comparable(one.stdout) == comparable(other.stdout)


@pytest.mark.parametrize(("words", "code"), STARTED)
def test_a_command_runs_in_a_process_of_its_own(place: Workspace, words: str, code: int) -> None:
    done = run(place, "inv", words)
    assert done.returncode == code, done.stderr


MISTAKES = ["statsu", "profile sett cost", "status --jsn", "status --echo", "status --config x", "status extra", "play"]
MISTAKES += ["up --profile", "up --profile=", "-x status", "--config= status", "events --since 9d9", "--dry init"]


@pytest.mark.parametrize("words", MISTAKES)
def test_both_programs_answer_a_mistake_alike(place: Workspace, words: str) -> None:
    one, other = run(place, "inv", words), run(place, "flowgate", words)
    assert (one.returncode, other.returncode) == (2, 2)
    assert comparable(one.stderr) == comparable(other.stderr)


def test_ask_prints_one_document(place: Workspace) -> None:
    tree = place.json("ask", "hi")
    assert set(tree) == {"version", "model", "answer", "request"}
    assert (tree["model"], bool(tree["answer"])) == ("router-default", True)


def test_one_spelling_undoes_what_the_other_does(place: Workspace) -> None:
    for program, words in IN_ORDER:
        done = run(place, program, words)
        assert done.returncode == 0, f"{program} {words}\n{done.stderr}"
    assert place.nothing_runs()


def test_every_command_is_tested() -> None:
    ran = {row[0].split()[0] for row in SAME_OUTPUT} | {
        words.split()[0] for program, words in IN_ORDER if program == "inv"
    }
    ran |= {"up", "smoke", "play"}
    assert set(load_tasks().task_names) - ran - ELSEWHERE.keys() == set()
